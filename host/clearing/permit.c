#include "host/clearing/permit.h"

#include "host/types/config.h"

#include <stddef.h>

#define ROLE(role) (1u << (role))

enum {
    ORACLE = ROLE(CB_ROLE_ORACLE),
    OPERATOR = ROLE(CB_ROLE_OPERATOR),
    TRADER = ROLE(CB_ROLE_TRADER),
    VENUE = ROLE(CB_ROLE_VENUE),
    CUSTODIAN = ROLE(CB_ROLE_CUSTODIAN)
};

static const struct {
    uint16_t template_id;
    uint16_t roles;
} permits[] = {
    {CB_WIRE_PRICE, ORACLE},
    {CB_WIRE_VOLATILITY, ORACLE},
    {CB_WIRE_ORACLE_HEARTBEAT, ORACLE},
    {CB_WIRE_ACCOUNT_OPEN, OPERATOR},
    {CB_WIRE_SETTLEMENT, OPERATOR},
    {CB_WIRE_SESSION_RESET, OPERATOR},
    {CB_WIRE_DEPOSIT, CUSTODIAN | OPERATOR},
    {CB_WIRE_RELEASE_RESULT, CUSTODIAN | OPERATOR},
    {CB_WIRE_TRADE, VENUE},
    {CB_WIRE_MARGIN_CHECK, TRADER},
    {CB_WIRE_ORDER_CANCEL, VENUE | OPERATOR},
    {CB_WIRE_WITHDRAWAL, TRADER},
    {CB_WIRE_ACKNOWLEDGE, TRADER | VENUE | CUSTODIAN | OPERATOR},
};

enum cb_reject cb_permit_check(uint8_t role, uint16_t template_id)
{
    for (size_t i = 0; i < sizeof permits / sizeof permits[0]; i++) {
        if (permits[i].template_id == template_id) {
            bool permitted = role <= CB_ROLE_CUSTODIAN && (permits[i].roles & ROLE(role)) != 0;
            return permitted ? CB_REJECT_NONE : CB_REJECT_PERMISSION;
        }
    }
    return CB_REJECT_TEMPLATE;
}
