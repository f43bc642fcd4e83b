#include "host/app/commands.h"
#include "host/app/config.h"

#include <stdlib.h>

/* Returns: the loaded configuration, to be freed by the caller, or NULL with *status set. */
static struct cb_configuration *load(const struct cb_options *options, enum cb_exit *status)
{
    struct cb_configuration *configuration = malloc(sizeof *configuration);
    if (configuration == NULL) {
        cb_message_print(options->errors, CB_MESSAGE_4002, "no memory for the configuration");
        *status = CB_EXIT_ENVIRONMENT;
        return NULL;
    }
    *status = cb_config_load(configuration, options->argument, options->development, options->errors);
    if (*status != CB_EXIT_OK) {
        free(configuration);
        return NULL;
    }
    return configuration;
}

int cb_command_config_check(const struct cb_options *options)
{
    enum cb_exit status;
    struct cb_configuration *configuration = load(options, &status);
    if (configuration != NULL) {
        const struct cb_config *c = &configuration->state;
        fprintf(options->out,
                "%s: ok (%u sessions, %u factors, %u assets, %u chains, %u holdings, %u venues, %u "
                "instruments)\n",
                options->argument, c->sessions_count, c->factors_count, c->assets_count, c->chains_count,
                c->holdings_count, c->venues_count, c->instruments_count);
        free(configuration);
    }
    return (int)status;
}

int cb_command_config_show(const struct cb_options *options)
{
    enum cb_exit status;
    struct cb_configuration *configuration = load(options, &status);
    if (configuration != NULL) {
        cb_config_show(configuration, options->out);
        free(configuration);
    }
    return (int)status;
}

int cb_command_config_schema(const struct cb_options *options)
{
    cb_config_schema(options->out);
    return CB_EXIT_OK;
}
