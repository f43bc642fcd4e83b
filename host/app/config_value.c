#include "host/app/config_value.h"

#include "host/app/suggest.h"
#include "host/base/assert.h"
#include "host/base/decimal.h"

#include <arpa/inet.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static bool refuse(struct cb_config_refusal *refusal, enum cb_message code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static bool refuse(struct cb_config_refusal *refusal, enum cb_message code, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    refusal->code = code;
    vsnprintf(refusal->reason, sizeof refusal->reason, format, arguments);
    va_end(arguments);
    return false;
}

static void *place(struct cb_configuration *configuration, const struct cb_config_row *row, uint32_t index)
{
    return (char *)configuration + row->offset + row->stride * index;
}

/* Integers of every width: the table's ranges were chosen to fit (tests check it). */
static void store_integer(void *to, size_t bytes, int64_t value)
{
    switch (bytes) {
    case 1:
        *(uint8_t *)to = (uint8_t)value;
        return;
    case 2:
        *(uint16_t *)to = (uint16_t)value;
        return;
    case 4:
        *(uint32_t *)to = (uint32_t)value;
        return;
    default:
        CB_ASSERT(bytes == 8);
        memcpy(to, &value, sizeof value);
    }
}

static int64_t load_integer(const void *from, size_t bytes)
{
    int64_t value;
    switch (bytes) {
    case 1:
        return *(const uint8_t *)from;
    case 2:
        return *(const uint16_t *)from;
    case 4:
        return *(const uint32_t *)from;
    default:
        CB_ASSERT(bytes == 8);
        memcpy(&value, from, sizeof value);
        return value;
    }
}

static bool parse_number(void *to, const struct cb_config_row *row, const char *text, size_t bytes,
                         struct cb_config_refusal *refusal)
{
    int64_t value;
    enum cb_decimal_status status = cb_decimal_parse(&value, text, bytes, row->scale);
    char limit[CB_DECIMAL_TEXT_BYTES];
    if (status == CB_DECIMAL_OVERFLOW) {
        return refuse(refusal, CB_MESSAGE_3007, "%.*s is too large", (int)bytes, text);
    }
    if (status == CB_DECIMAL_DIGITS && row->scale > 0) {
        return refuse(refusal, CB_MESSAGE_3005, "\"%.*s\" has more than %u decimals", (int)bytes, text,
                      row->scale);
    }
    if (status != CB_DECIMAL_OK) {
        return refuse(refusal, CB_MESSAGE_3005, "\"%.*s\" is not a %s", (int)bytes, text,
                      row->scale == 0 ? "whole number" : "decimal number such as \"0.15\"");
    }
    if (value < row->min) {
        cb_decimal_format(limit, row->min, row->scale);
        return refuse(refusal, CB_MESSAGE_3007, "%.*s is below %s", (int)bytes, text, limit);
    }
    if (value > row->max) {
        cb_decimal_format(limit, row->max, row->scale);
        return refuse(refusal, CB_MESSAGE_3007, "%.*s is above %s", (int)bytes, text, limit);
    }
    store_integer(to, row->bytes, value * row->multiplier);
    return true;
}

static bool parse_choice(void *to, const struct cb_config_row *row, const char *text, size_t bytes,
                         struct cb_config_refusal *refusal)
{
    char list[CB_CONFIG_REASON_BYTES / 2] = "";
    for (const struct cb_config_choice *choice = row->choices; choice->name != NULL; choice++) {
        if (strlen(choice->name) == bytes && memcmp(choice->name, text, bytes) == 0) {
            store_integer(to, row->bytes, choice->value);
            return true;
        }
        size_t used = strlen(list);
        snprintf(list + used, sizeof list - used, "%s%s", used == 0 ? "" : ", ", choice->name);
    }
    return refuse(refusal, CB_MESSAGE_3005, "\"%.*s\" is none of: %s", (int)bytes, text, list);
}

/* Names stand in tables, on the wire and on command lines: letters, digits, and - _ . / only. */
static bool parse_name(void *to, const struct cb_config_row *row, const char *text, size_t bytes,
                       struct cb_config_refusal *refusal)
{
    bool session = row->type == CB_TYPE_SESSION;
    size_t most = session ? row->bytes : row->bytes - 1u;
    if (bytes == 0 || bytes > most) {
        return refuse(refusal, CB_MESSAGE_3007, "\"%.*s\" has %zu characters; 1 to %zu are allowed",
                      (int)bytes, text, bytes, most);
    }
    for (size_t i = 0; i < bytes; i++) {
        char c = text[i];
        bool good = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
                    c == '_' || c == '.' || c == '/';
        if (!good) {
            return refuse(refusal, CB_MESSAGE_3005,
                          "\"%.*s\" has a character that is no letter, digit, or one of - _ . /", (int)bytes,
                          text);
        }
    }
    memset(to, session ? ' ' : 0, row->bytes);
    memcpy(to, text, bytes);
    return true;
}

static bool parse_text(void *to, const struct cb_config_row *row, const char *text, size_t bytes,
                       struct cb_config_refusal *refusal)
{
    if (bytes >= row->bytes) {
        return refuse(refusal, CB_MESSAGE_3007, "the text has %zu bytes; %zu are allowed", bytes,
                      row->bytes - 1u);
    }
    memset(to, 0, row->bytes);
    memcpy(to, text, bytes);
    return true;
}

static bool parse_reference(struct cb_configuration *configuration, const struct cb_config_row *row,
                            uint32_t index, const char *text, size_t bytes, struct cb_config_refusal *refusal)
{
    uint32_t count = cb_config_count(configuration, row->target);
    uint32_t found = cb_config_name_find(configuration, row->target, count, text, bytes);
    if (found != UINT32_MAX) {
        store_integer(place(configuration, row, index), row->bytes, found);
        return true;
    }
    char word[CB_SUGGEST_WORD_BYTES_MAX], best[CB_CONFIG_VALUE_BYTES] = "", name[CB_CONFIG_VALUE_BYTES];
    snprintf(word, sizeof word, "%.*s", (int)bytes, text);
    struct cb_suggest suggest = {.word = word};
    for (uint32_t i = 0; i < count; i++) {
        cb_config_name_of(name, configuration, row->target, i);
        cb_suggest_offer(&suggest, name);
        if (suggest.best == name) { /* keep a copy: `name` is used again */
            memcpy(best, name, sizeof best);
            suggest.best = best;
        }
    }
    bool near = cb_suggest_result(&suggest) != NULL;
    return refuse(refusal, CB_MESSAGE_3006, "there is no \"%.*s\" in %s%s%.40s%s", (int)bytes, text,
                  cb_config_sections[row->target].key, near ? " (did you mean \"" : "", near ? best : "",
                  near ? "\"?)" : "");
}

static int hexadecimal(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The value is never repeated in a message. */
static bool parse_secret(uint8_t *to, const struct cb_config_row *row, const char *text, size_t bytes,
                         struct cb_config_refusal *refusal)
{
    enum cb_message code = row->type == CB_TYPE_SECRET_FILE ? CB_MESSAGE_3011 : CB_MESSAGE_3005;
    uint8_t secret[CB_SESSION_KEY_BYTES], any = 0;
    if (row->type == CB_TYPE_SECRET_FILE) {
        while (bytes > 0 && (text[bytes - 1] == '\n' || text[bytes - 1] == '\r')) {
            bytes--;
        }
    }
    if (bytes != 2 * sizeof secret) {
        return refuse(refusal, code, "has %zu characters; a secret is 32 hexadecimal digits", bytes);
    }
    for (size_t i = 0; i < sizeof secret; i++) {
        int high = hexadecimal(text[2 * i]), low = hexadecimal(text[2 * i + 1]);
        if (high < 0 || low < 0) {
            return refuse(refusal, code, "has a character that is no hexadecimal digit");
        }
        secret[i] = (uint8_t)(high << 4 | low);
        any |= secret[i];
    }
    if (any == 0) {
        return refuse(refusal, code, "is all zeros; choose 16 random bytes");
    }
    memcpy(to, secret, sizeof secret);
    return true;
}

static bool parse_address(void *to, const char *text, size_t bytes, struct cb_config_refusal *refusal)
{
    char ip[INET_ADDRSTRLEN];
    struct in_addr address;
    int64_t port;
    const char *colon = memchr(text, ':', bytes);
    size_t length = colon == NULL ? bytes : (size_t)(colon - text);
    bool good = colon != NULL && length < sizeof ip;
    if (good) {
        memcpy(ip, text, length);
        ip[length] = 0;
        good = inet_pton(AF_INET, ip, &address) == 1 && colon[1] >= '0' && colon[1] <= '9' &&
               cb_decimal_parse(&port, colon + 1, bytes - length - 1, 0) == CB_DECIMAL_OK &&
               memchr(colon, '.', bytes - length) == NULL;
    }
    if (!good) {
        return refuse(refusal, CB_MESSAGE_3005,
                      "\"%.*s\" is not an IPv4 address and port such as 127.0.0.1:4000", (int)bytes, text);
    }
    if (port < 1 || port > 65535) {
        return refuse(refusal, CB_MESSAGE_3007, "port %lld is not in 1 .. 65535", (long long)port);
    }
    struct cb_address parsed;
    memset(&parsed, 0, sizeof parsed);
    parsed.ip = ntohl(address.s_addr);
    parsed.port = (uint16_t)port;
    memcpy(to, &parsed, sizeof parsed);
    return true;
}

/* Days from 1970-01-01 in the Gregorian calendar; years start in March so that the leap day is last. */
static int64_t days_from_date(int64_t year, int64_t month, int64_t day)
{
    year -= month <= 2;
    int64_t month_from_march = month + (month > 2 ? -3 : 9);
    int64_t day_of_year = (153 * month_from_march + 2) / 5 + day - 1;
    return year * 365 + year / 4 - year / 100 + year / 400 + day_of_year - 719468;
}

static bool parse_time(void *to, const char *text, size_t bytes, struct cb_config_refusal *refusal)
{
    static const char form[] = "dddd-dd-ddTdd:dd:ddZ";
    static const uint8_t month_days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int64_t fields[6] = {0}, field = 0;
    bool good = bytes == sizeof form - 1;
    for (size_t i = 0; good && i < bytes; i++) {
        if (form[i] == 'd') {
            good = text[i] >= '0' && text[i] <= '9';
            fields[field] = fields[field] * 10 + (text[i] - '0');
        } else {
            good = text[i] == form[i];
            field++;
        }
    }
    int64_t year = fields[0], month = fields[1], day = fields[2];
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    good = good && month >= 1 && month <= 12 && day >= 1 && fields[3] < 24 && fields[4] < 60 &&
           fields[5] < 60 && day <= month_days[month - 1] + (month == 2 && leap);
    if (!good) {
        return refuse(refusal, CB_MESSAGE_3005, "\"%.*s\" is not a UTC time such as 2021-06-25T08:00:00Z",
                      (int)bytes, text);
    }
    if (year < 1970 || year > 2261) {
        return refuse(refusal, CB_MESSAGE_3007, "%.*s is not in the years 1970 .. 2261", (int)bytes, text);
    }
    int64_t seconds =
        days_from_date(year, month, day) * 86400 + fields[3] * 3600 + fields[4] * 60 + fields[5];
    if (seconds == 0) {
        return refuse(refusal, CB_MESSAGE_3007, "%.*s stands for no time at all", (int)bytes, text);
    }
    store_integer(to, 8, seconds * CB_NS_PER_S);
    return true;
}

bool cb_config_value_parse(struct cb_configuration *configuration, const struct cb_config_row *row,
                           uint32_t index, uint32_t item, const char *text, size_t bytes,
                           struct cb_config_refusal *refusal)
{
    void *to = place(configuration, row, index);
    switch ((enum cb_config_type)row->type) {
    case CB_TYPE_INTEGER:
    case CB_TYPE_DECIMAL:
        return parse_number(to, row, text, bytes, refusal);
    case CB_TYPE_CHOICE:
        return parse_choice(to, row, text, bytes, refusal);
    case CB_TYPE_NAME:
    case CB_TYPE_SESSION:
        return parse_name(to, row, text, bytes, refusal);
    case CB_TYPE_REFERENCE:
        return parse_reference(configuration, row, index, text, bytes, refusal);
    case CB_TYPE_TIME:
        return parse_time(to, text, bytes, refusal);
    case CB_TYPE_TEXT_LIST:
        to = (char *)to + row->stride * item;
        return parse_text(to, row, text, bytes, refusal);
    case CB_TYPE_TEXT:
        return parse_text(to, row, text, bytes, refusal);
    case CB_TYPE_SECRET:
    case CB_TYPE_SECRET_FILE:
        return parse_secret(to, row, text, bytes, refusal);
    case CB_TYPE_ADDRESS:
        return parse_address(to, text, bytes, refusal);
    }
    return refuse(refusal, CB_MESSAGE_9001, "has a type without a parser");
}

static void format_time(char *value, int64_t ns)
{
    int64_t seconds = ns / CB_NS_PER_S, days = seconds / 86400, rest = seconds % 86400;
    int64_t year = 1970, month = 1;
    while (days_from_date(year + 1, 1, 1) <= days) {
        year++;
    }
    while (month < 12 && days_from_date(year, month + 1, 1) <= days) {
        month++;
    }
    snprintf(value, CB_CONFIG_VALUE_BYTES, "%04d-%02d-%02dT%02d:%02d:%02dZ", (int)year, (int)month,
             (int)(days - days_from_date(year, month, 1) + 1), (int)(rest / 3600), (int)(rest / 60 % 60),
             (int)(rest % 60));
}

void cb_config_name_of(char *name, const struct cb_configuration *configuration, unsigned section,
                       uint32_t index)
{
    const struct cb_config_row *row = cb_config_row_find(section, "name");
    CB_ASSERT(row != NULL);
    const char *from = (const char *)configuration + row->offset + row->stride * index;
    size_t length = 0;
    while (length < row->bytes && from[length] != 0 && from[length] != ' ') {
        length++;
    }
    memcpy(name, from, length);
    name[length] = 0;
}

uint32_t cb_config_name_find(const struct cb_configuration *configuration, unsigned section, uint32_t count,
                             const char *name, size_t bytes)
{
    const struct cb_config_row *row = cb_config_row_find(section, "name");
    char padded[CB_CONFIG_VALUE_BYTES];
    CB_ASSERT(row != NULL && row->bytes <= sizeof padded);
    if (bytes == 0 || bytes > row->bytes) {
        return UINT32_MAX;
    }
    memset(padded, row->type == CB_TYPE_SESSION ? ' ' : 0, row->bytes);
    memcpy(padded, name, bytes);
    for (uint32_t i = 0; i < count; i++) {
        if (memcmp((const char *)configuration + row->offset + row->stride * i, padded, row->bytes) == 0) {
            return i;
        }
    }
    return UINT32_MAX;
}

void cb_config_value_format(char *value, const struct cb_configuration *configuration,
                            const struct cb_config_row *row, uint32_t index, uint32_t item)
{
    const char *from = (const char *)configuration + row->offset + row->stride * index;
    value[0] = 0;
    switch ((enum cb_config_type)row->type) {
    case CB_TYPE_INTEGER:
    case CB_TYPE_DECIMAL:
        /* An optional number that was left out is 0 and below its range. */
        if (load_integer(from, row->bytes) != 0 || row->min <= 0) {
            cb_decimal_format(value, load_integer(from, row->bytes) / row->multiplier, row->scale);
        }
        return;
    case CB_TYPE_CHOICE:
        for (const struct cb_config_choice *choice = row->choices; choice->name != NULL; choice++) {
            if (choice->value == load_integer(from, row->bytes)) {
                snprintf(value, CB_CONFIG_VALUE_BYTES, "%s", choice->name);
            }
        }
        return;
    case CB_TYPE_NAME:
    case CB_TYPE_SESSION:
        cb_config_name_of(value, configuration, row->section, index);
        return;
    case CB_TYPE_REFERENCE:
        if (load_integer(from, row->bytes) != CB_NONE_U16) {
            cb_config_name_of(value, configuration, row->target, (uint32_t)load_integer(from, row->bytes));
        }
        return;
    case CB_TYPE_TIME:
        if (load_integer(from, row->bytes) != 0) {
            format_time(value, load_integer(from, row->bytes));
        }
        return;
    case CB_TYPE_TEXT_LIST:
        snprintf(value, CB_CONFIG_VALUE_BYTES, "%s", from + row->stride * item);
        return;
    case CB_TYPE_TEXT:
        snprintf(value, CB_CONFIG_VALUE_BYTES, "%s", from);
        return;
    case CB_TYPE_SECRET:
        snprintf(value, CB_CONFIG_VALUE_BYTES, "hidden");
        return;
    case CB_TYPE_SECRET_FILE:
        return;
    case CB_TYPE_ADDRESS: {
        struct cb_address address;
        memcpy(&address, from, sizeof address);
        if (address.port != 0) {
            snprintf(value, CB_CONFIG_VALUE_BYTES, "%u.%u.%u.%u:%u", address.ip >> 24,
                     address.ip >> 16 & 255u, address.ip >> 8 & 255u, address.ip & 255u, address.port);
        }
        return;
    }
    }
}
