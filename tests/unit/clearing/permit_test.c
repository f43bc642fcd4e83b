/* Goal: who may send what, all of it. Method: the whole matrix of 256 roles and 65,536 templates against
 * lists of what each role may send. */
#include "host/clearing/permit.h"

#include "host/types/config.h"

#include <criterion/criterion.h>

static const uint16_t oracle[] = {CB_WIRE_PRICE, CB_WIRE_VOLATILITY, CB_WIRE_ORACLE_HEARTBEAT, 0};
static const uint16_t operator_[] = {
    CB_WIRE_ACCOUNT_OPEN,   CB_WIRE_SETTLEMENT,   CB_WIRE_SESSION_RESET, CB_WIRE_DEPOSIT,
    CB_WIRE_RELEASE_RESULT, CB_WIRE_ORDER_CANCEL, CB_WIRE_ACKNOWLEDGE,   0};
static const uint16_t trader[] = {CB_WIRE_MARGIN_CHECK, CB_WIRE_WITHDRAWAL, CB_WIRE_ACKNOWLEDGE, 0};
static const uint16_t venue[] = {CB_WIRE_TRADE, CB_WIRE_ORDER_CANCEL, CB_WIRE_ACKNOWLEDGE, 0};
static const uint16_t custodian[] = {CB_WIRE_DEPOSIT, CB_WIRE_RELEASE_RESULT, CB_WIRE_ACKNOWLEDGE, 0};
static const uint16_t nobody[] = {0};

static const uint16_t *const by_role[] = {[0] = nobody,
                                          [CB_ROLE_ORACLE] = oracle,
                                          [CB_ROLE_OPERATOR] = operator_,
                                          [CB_ROLE_TRADER] = trader,
                                          [CB_ROLE_VENUE] = venue,
                                          [CB_ROLE_CUSTODIAN] = custodian};

static bool listed(const uint16_t *list, uint16_t template_id)
{
    for (; *list != 0; list++) {
        if (*list == template_id) {
            return true;
        }
    }
    return false;
}

static bool inbound(uint16_t template_id)
{
    /* The schema's own ranges: 1-15 oracle, 16-63 inbound. */
    return template_id < 64 && cb_wire_bytes(template_id) != 0;
}

Test(permit, whole_matrix_is_as_listed)
{
    for (uint32_t template_id = 0; template_id <= UINT16_MAX; template_id++) {
        uint32_t permitted = 0;
        for (uint32_t role = 0; role < 256; role++) {
            const uint16_t *list = role <= CB_ROLE_CUSTODIAN ? by_role[role] : nobody;
            enum cb_reject expected = listed(list, (uint16_t)template_id) ? CB_REJECT_NONE
                                      : inbound((uint16_t)template_id)    ? CB_REJECT_PERMISSION
                                                                          : CB_REJECT_TEMPLATE;
            cr_assert_eq(cb_permit_check((uint8_t)role, (uint16_t)template_id), expected,
                         "role %u, template %u", role, template_id);
            permitted += expected == CB_REJECT_NONE;
        }
        cr_assert_eq(permitted > 0, inbound((uint16_t)template_id),
                     "every inbound template %u has a sender, no other has", template_id);
    }
}

Test(permit, operator_may_send_whatever_a_custodian_may)
{
    for (uint32_t template_id = 0; template_id < 256; template_id++) {
        if (cb_permit_check(CB_ROLE_CUSTODIAN, (uint16_t)template_id) == CB_REJECT_NONE) {
            cr_assert_eq(cb_permit_check(CB_ROLE_OPERATOR, (uint16_t)template_id), CB_REJECT_NONE);
        }
    }
}
