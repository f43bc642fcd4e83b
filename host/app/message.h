/* Messages for people: stable codes CB1xxx to CB9xxx and the exit codes of every command.
 *
 * A code never changes its meaning; scripts and runbooks may match on it. The first digit is the kind:
 * 1 run time, 2 usage, 3 configuration, 4 environment, 5 ledger, 6 engines disagree, 7 policy, 8 peer,
 * 9 internal. 1 to 8 are also the exit codes (enum cb_exit); an internal error aborts. */
#ifndef CB_HOST_APP_MESSAGE_H
#define CB_HOST_APP_MESSAGE_H

#include <stddef.h>
#include <stdio.h>

enum cb_exit {
    CB_EXIT_OK = 0,
    CB_EXIT_RUN_TIME = 1,
    CB_EXIT_USAGE = 2,
    CB_EXIT_CONFIG = 3,
    CB_EXIT_ENVIRONMENT = 4,
    CB_EXIT_LEDGER = 5, /* the ledger is damaged, or a replay differs */
    CB_EXIT_ENGINES = 6,
    CB_EXIT_POLICY = 7, /* refused, or a breach was found */
    CB_EXIT_PEER = 8
};

/* X(code, meaning, what to do) in ascending order. */
#define CB_MESSAGES(X)                                                                                       \
    X(1001, "a file could not be written", "Check the path, its permissions and the free space.")            \
    X(1002, "a file could not be read", "Check the path and its permissions.")                               \
    X(1003, "the disk failed while the box was running",                                                     \
      "The box stops at the first failed write or sync. Check the disk, then start again; nothing that "     \
      "was answered is lost.")                                                                               \
    X(1004, "a network port failed while the box was running", "Check the link and the port, start again.")  \
    X(1005, "the box stopped before everything was done",                                                    \
      "Nothing that was answered is lost. What had not left yet is sent after the next start.")              \
    X(1006, "the snapshotter ended",                                                                         \
      "It is started again. If that repeats, run `clearbox snapshot DIR` by hand to see why; without "       \
      "snapshots the journal fills up.")                                                                     \
    X(1007, "a segment could not be archived", "Make room in DIR/archive: move its files to another disk.")  \
    X(2001, "unknown command", "`clearbox --help` lists the commands.")                                      \
    X(2002, "unknown option", "`clearbox COMMAND --help` lists the options.")                                \
    X(2003, "an option needs a value", "Write it as --name VALUE or --name=VALUE.")                          \
    X(2004, "an option's value is not valid", "`clearbox COMMAND --help` says what it takes.")               \
    X(2005, "too many or too few arguments", "`clearbox COMMAND --help` shows the form.")                    \
    X(2006, "an option is given twice", "Give it once.")                                                     \
    X(3001, "the configuration can not be read", "Check the path after -c and its permissions.")             \
    X(3002, "the configuration is not valid YAML", "Correct the marked place.")                              \
    X(3003, "unknown key", "Correct the spelling; `clearbox config schema` lists every key.")                \
    X(3004, "a required key is missing", "Add it.")                                                          \
    X(3005, "a value has the wrong form", "Write it in the form the message names.")                         \
    X(3006, "a name refers to nothing", "Names refer to entries of the list that the message names.")        \
    X(3007, "a value is out of range", "Choose one inside the range shown.")                                 \
    X(3008, "a name or pair is used twice", "Each may appear once.")                                         \
    X(3009, "a list has too many entries", "include/clearbox/limits.h has the bounds.")                      \
    X(3010, "two values do not fit together", "The message says which rule is broken.")                      \
    X(3011, "a secret file can not be used", "It holds 32 hexadecimal digits and a line end, nothing else.") \
    X(3012, "allowed with --development only", "Use it for tests; never in production.")                     \
    X(3013, "the configuration has several documents or deep nesting",                                       \
      "Write one YAML document of plain maps and lists.")                                                    \
    X(4001, "a part of the environment is missing", "The message names it and how to get it.")               \
    X(4002, "not enough memory", "Lower `capacity`, or add memory.")                                         \
    X(4003, "DPDK could not start", "Check hugepages and the port; or use --development.")                   \
    X(4004, "io_uring is not available",                                                                     \
      "`driver: auto` goes on with plain files, which are slower; see kernel.io_uring_disabled.")            \
    X(4005, "the journal directory can not be used", "It must exist, be writable and not be in use.")        \
    X(5001, "the journal is damaged",                                                                        \
      "Nothing was changed. Restore the directory from a copy; docs/operations.md says how.")                \
    X(5002, "the replay differs from what was recorded", "Keep the directory and report both digests.")      \
    X(5003, "the journal belongs to another cluster", "Check `cluster` in the configuration, or the path.")  \
    X(5004, "the journal is full",                                                                           \
      "The box goes on by itself when snapshots let old segments go. If it does not, docs/operations.md "    \
      "says how to "                                                                                         \
      "add segments.")                                                                                       \
    X(5005, "the journal was written by another version", "Use that version of clearbox to read it.")        \
    X(5006, "a snapshot can not be used",                                                                    \
      "One that is damaged is put aside and the box begins with an older one. One that is sound but not of " \
      "this journal stops the start: restore the journal from a copy, or move the snapshot away.")           \
    X(6001, "two engines computed different results", "The message carries a line that reproduces it.")      \
    X(7001, "refused by policy", "The message names the rule.")                                              \
    X(8001, "a peer did not answer", "Check the address and that it runs.")                                  \
    X(9001, "internal error", "The journal is safe. Please report the line.")

#define CB_MESSAGE_ENUM(code, meaning, action) CB_MESSAGE_##code = (code),
enum cb_message { CB_MESSAGES(CB_MESSAGE_ENUM) };
#undef CB_MESSAGE_ENUM

struct cb_message_text {
    unsigned code;
    const char *meaning, *action;
};

/* Returns: the row of a code; NULL when there is none. */
const struct cb_message_text *cb_message_find(unsigned code);
/* Returns: row `index` in ascending order of code; NULL past the end. */
const struct cb_message_text *cb_message_at(size_t index);

/* "CB2001 unknown command "rum" ...": one line, or several if the format has line ends; a line end is added.
 */
void cb_message_print(FILE *out, enum cb_message code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The exit code that a message's first digit stands for; CB_EXIT_RUN_TIME for 9xxx. */
enum cb_exit cb_message_exit(enum cb_message code);

#endif
