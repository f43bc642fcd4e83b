/* The command line: commands, options, help, messages, suggestions; without a process of its own. */
#include "host/app/commands.h"
#include "host/app/suggest.h"
#include "support.h"

#include <criterion/criterion.h>
#include <string.h>

static struct program_run run;

static void usage(const char *arguments, const char *words)
{
    run_program(&run, arguments);
    cr_assert_eq(run.status, CB_EXIT_USAGE, "`%s` gave %d", arguments, run.status);
    cr_assert_not_null(strstr(run.errors, words), "`%s` said: %s", arguments, run.errors);
    cr_assert_str_empty(run.out);
}

Test(program, without_a_command_the_help_goes_to_the_errors)
{
    usage("", "clearbox COMMAND");
}

Test(program, unknown_commands_suggest_the_nearest)
{
    usage("versoin", "CB2001 unknown command \"versoin\" (did you mean \"version\"?)");
    usage("config chekc x", "(did you mean \"config check\"?)");
    usage("zzzzzzzzzz", "`clearbox --help` lists them");
}

Test(program, unknown_options_suggest_the_nearest)
{
    usage("version --verbos",
          "CB2002 unknown option \"--verbos\" for \"version\" (did you mean \"--verbose\"?)");
    usage("version -x", "CB2002");
    usage("version --seed 5", "CB2002");
    usage("version --verbose=1", "CB2004 --verbose takes no value");
    usage("version --verbose --verbose", "CB2006 --verbose is given twice");
    usage("version more", "CB2005 \"more\": one argument too many");
    usage("config check", "CB2005 clearbox config check needs FILE");
    usage("config", "`clearbox help config` lists them");
    usage("dump x --from 5 --to 4", "CB2004 --from 5 is after --to 4");
    usage("dump x --from y", "CB2004 --from takes a whole number");
}

Test(program, version_tells_the_limits_when_asked)
{
    run_program(&run, "version");
    cr_assert_eq(run.status, CB_EXIT_OK);
    cr_assert_str_eq(run.out, "clearbox 0.1.0\n");
    run_program(&run, "version --verbose");
    cr_assert_not_null(strstr(run.out, "accounts"));
    cr_assert_not_null(strstr(run.out, "1048576"));
}

Test(program, config_check_reports_and_exits_with_3)
{
    run_program(&run, "config check config/demo.yaml");
    cr_assert_eq(run.status, CB_EXIT_OK, "%s", run.errors);
    cr_assert_not_null(strstr(run.out, "config/demo.yaml: ok (9 sessions"), "%s", run.out);
    run_program(&run, "config check /nonexistent.yaml");
    cr_assert_eq(run.status, CB_EXIT_CONFIG);
    cr_assert_not_null(strstr(run.errors, "CB3001 /nonexistent.yaml can not be read: No such file"));
    run_program(&run, "config check CMakeLists.txt");
    cr_assert_eq(run.status, CB_EXIT_CONFIG);
}

Test(program, config_schema_names_every_key)
{
    run_program(&run, "config schema");
    cr_assert_not_null(strstr(run.out, "scan_range: decimal, 0.000000001 .. 0.999999999; required"));
    cr_assert_not_null(strstr(run.out, "clock: wall | feed; default wall"));
}

Test(program, help_explains_codes_and_commands)
{
    run_program(&run, "help CB3007");
    cr_assert_eq(run.status, CB_EXIT_OK);
    cr_assert_eq(strncmp(run.out, "CB3007: a value is out of range\n", 32), 0, "%s", run.out);
    cr_assert_not_null(strstr(run.out, "Exit code: 3"));
    run_program(&run, "help cb3007");
    cr_assert_eq(run.status, CB_EXIT_OK);
    run_program(&run, "help config");
    cr_assert_not_null(strstr(run.out, "clearbox config check FILE"));
    cr_assert_not_null(strstr(run.out, "clearbox config schema"));
    run_program(&run, "config check --help");
    cr_assert_eq(run.status, CB_EXIT_OK);
    cr_assert_not_null(strstr(run.out, "--development"));
    usage("help CB1", "there is no message CB1");
    usage("help versoin", "(did you mean \"version\"?)");
    run_program(&run, "--help");
    for (const struct cb_command *command = cb_commands; command->name != NULL; command++) {
        cr_assert_not_null(strstr(run.out, command->name));
        cr_assert_not_null(command->run);
    }
}

/* A command that is not in the program: the parser is tested with every kind of option. */
static const struct cb_command probe = {"probe",          "DIR", "Test", "probe", (unsigned)-1,
                                        CB_OPTION_CONFIG, NULL};

static enum cb_exit parse(struct cb_options *options, char *const *argv)
{
    int argc = 0;
    while (argv[argc] != NULL) {
        argc++;
    }
    FILE *errors = fmemopen(run.errors, sizeof run.errors, "w");
    *options = (struct cb_options){0};
    enum cb_exit status = cb_options_parse(options, &probe, argc, argv, errors);
    fclose(errors);
    return status;
}
#define ARGV(...) ((char *[]){__VA_ARGS__, NULL})

Test(options, every_form_is_parsed)
{
    struct cb_options o;
    cr_assert_eq(parse(&o, ARGV("-c", "a.yaml", "--seed=0x5eed", "--steps", "10", "dir", "-o", "json")),
                 CB_EXIT_OK);
    cr_assert_str_eq(o.config, "a.yaml");
    cr_assert(o.has_seed);
    cr_assert_eq(o.seed, 0x5eedu);
    cr_assert_eq(o.steps, 10);
    cr_assert_str_eq(o.argument, "dir");
    cr_assert_eq(o.output, CB_OUTPUT_JSON);
    cr_assert_eq(o.to, UINT64_MAX);
    cr_assert(!o.development);
    cr_assert_eq(parse(&o, ARGV("--config=x", "--", "-dir")), CB_EXIT_OK);
    cr_assert_str_eq(o.argument, "-dir");
    cr_assert_eq(parse(&o, ARGV("-c", "x", "d", "--seed", "18446744073709551615")), CB_EXIT_OK);
    cr_assert_eq(o.seed, UINT64_MAX);
}

Test(options, bad_values_and_missing_ones_are_usage_errors)
{
    struct cb_options o;
    cr_assert_eq(parse(&o, ARGV("d")), CB_EXIT_USAGE);
    cr_assert_not_null(strstr(run.errors, "needs --config FILE"));
    cr_assert_eq(parse(&o, ARGV("d", "-c")), CB_EXIT_USAGE);
    cr_assert_not_null(strstr(run.errors, "CB2003"));
    static char *const bad[] = {"", "-1", "1x", "0x", " 1", "18446744073709551616", "1.5"};
    for (unsigned i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        cr_assert_eq(parse(&o, ARGV("d", "-c", "x", "--steps", bad[i])), CB_EXIT_USAGE, "\"%s\"", bad[i]);
        cr_assert_not_null(strstr(run.errors, "CB2004"));
    }
    cr_assert_eq(parse(&o, ARGV("d", "-c", "x", "-o", "xml")), CB_EXIT_USAGE);
    cr_assert_eq(parse(&o, ARGV("d", "-c", "")), CB_EXIT_USAGE);
}

Test(message, codes_ascend_and_their_first_digit_is_the_exit_code)
{
    unsigned last = 0;
    for (size_t i = 0; cb_message_at(i) != NULL; i++) {
        const struct cb_message_text *row = cb_message_at(i);
        cr_assert_gt(row->code, last);
        cr_assert(row->code >= 1001 && row->code <= 9999);
        cr_assert(row->meaning[0] != 0 && row->action[0] != 0);
        cr_assert_eq(cb_message_find(row->code), row);
        unsigned exit_code = (unsigned)cb_message_exit((enum cb_message)row->code);
        cr_assert_eq(exit_code, row->code < 9000 ? row->code / 1000 : CB_EXIT_RUN_TIME);
        last = row->code;
    }
    cr_assert_null(cb_message_find(3999));
}

Test(suggest, distance_counts_edits_and_swaps)
{
    cr_assert_eq(cb_suggest_distance("", ""), 0);
    cr_assert_eq(cb_suggest_distance("", "abc"), 3);
    cr_assert_eq(cb_suggest_distance("haircut_bsp", "haircut_bps"), 1);
    cr_assert_eq(cb_suggest_distance("kitten", "sitting"), 3);
    cr_assert_eq(cb_suggest_distance("verify", "verify"), 0);
    char longest[CB_SUGGEST_WORD_BYTES_MAX + 1];
    memset(longest, 'a', sizeof longest);
    longest[sizeof longest - 1] = 0;
    cr_assert_eq(cb_suggest_distance(longest, "a"), CB_SUGGEST_WORD_BYTES_MAX);
    longest[sizeof longest - 2] = 0;
    cr_assert_eq(cb_suggest_distance(longest, "a"), CB_SUGGEST_WORD_BYTES_MAX - 2);
}

Test(suggest, only_near_words_are_offered)
{
    struct cb_suggest suggest = {.word = "seeds"};
    cr_assert_null(cb_suggest_result(&suggest));
    cb_suggest_offer(&suggest, "steps");
    cr_assert_null(cb_suggest_result(&suggest));
    cb_suggest_offer(&suggest, "seed");
    cr_assert_str_eq(cb_suggest_result(&suggest), "seed");
}
