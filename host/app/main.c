/* clearbox: the process. Everything else is in commands.c, so that tests can call it. */
#include "host/app/commands.h"

int main(int argc, char **argv)
{
    int status = cb_program(argc, argv, stdout, stderr);
    if (fflush(stdout) != 0 && status == CB_EXIT_OK) {
        cb_message_print(stderr, CB_MESSAGE_1001, "the output could not be written completely");
        return CB_EXIT_RUN_TIME;
    }
    return status;
}
