/* Limits: every bound of the box in one place. A queue, table, loop or retry that is bounded is bounded by a
 * name here, or by a capacity in the configuration that is itself bounded here. */
#ifndef CB_CLEARBOX_LIMITS_H
#define CB_CLEARBOX_LIMITS_H

/* Wire. An Ethernet MTU of 1,500 leaves 1,472 bytes of UDP payload: 20 session header, 2 length, 16 tag. */
#define CB_FRAME_BYTES_MAX    1536u
#define CB_DATAGRAM_BYTES_MAX 1472u
#define CB_MESSAGE_BYTES_MAX  1434u
#define CB_NAME_BYTES         16u /* names in configuration, zero padded, at most 15 characters */
#define CB_SESSION_NAME_BYTES 10u /* as MoldUDP64 has it, space padded */
#define CB_SESSION_KEY_BYTES  16u
#define CB_MAC_BYTES          16u

/* Ingress. */
#define CB_BURST        32u   /* frames taken from a port in one poll */
#define CB_LINES_MAX    2u    /* A and B */
#define CB_WINDOW_SLOTS 1024u /* messages an ordered session may be ahead of its gap */

/* Configuration. Ids are dense: 0 .. count-1. */
#define CB_SESSIONS_MAX              64u
#define CB_SOURCES_MAX               8u /* price sources per factor */
#define CB_FACTORS_MAX               64u
#define CB_ASSETS_MAX                64u
#define CB_CHAINS_MAX                32u
#define CB_HOLDINGS_MAX              256u /* (asset, chain) pairs that may be collateral */
#define CB_VENUES_MAX                64u
#define CB_INSTRUMENTS_MAX           4096u
#define CB_ACCOUNTS_MAX              (1u << 20)
#define CB_POSITIONS_MAX             (1u << 24)
#define CB_POSITIONS_PER_ACCOUNT_MAX 4096u
#define CB_BALANCES_MAX              (1u << 22) /* (account, holding) rows; cash needs none */
#define CB_BALANCES_PER_ACCOUNT_MAX  CB_HOLDINGS_MAX
#define CB_ORDERS_MAX                (1u << 22)
#define CB_ORDERS_PER_ACCOUNT_MAX    4096u
#define CB_HOLDS_MAX                 (1u << 20) /* pending withdrawals */
#define CB_ANSWERS_MAX               (1u << 20) /* request ids whose answer is remembered */

/* Risk. */
#define CB_SCENARIOS_MAX 32u

/* Journal. */
#define CB_JOURNAL_BLOCK_BYTES      4096u
#define CB_JOURNAL_FRAME_BYTES_MAX  (512u * 1024u)
#define CB_JOURNAL_FRAMES_IN_FLIGHT 4u
#define CB_JOURNAL_SEGMENTS_MAX     4096u

/* Egress. */
#define CB_EGRESS_MESSAGES_MAX 16384u /* replies waiting for their cause to be durable */

#endif
