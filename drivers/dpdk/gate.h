/* The gate: DPDK's interrupt thread runs only while no memif burst does.
 *
 * When a memif peer goes away the driver's handler, in DPDK's interrupt thread, unmaps the shared rings at
 * once, whatever the polling thread is doing; a burst in that moment reads unmapped memory, and a stop of the
 * device in that moment frees twice ("EAL: Error: Invalid memory", seen within 100 kills on a loaded
 * machine). DPDK 22.11 has no lock for it. So the interrupt thread is kept inside a callback of ours while
 * bursts are allowed, and is let go for one round of its event loop when there is something for it (watch.h):
 *
 *   FREE --request--> ASKED --(interrupt thread arrives)--> HELD --turn--> ASKED ...   HELD --free--> FREE
 *
 * Bursts and device stops happen in HELD only. FREE is for when no memif link is up: connecting takes many
 * rounds. The polling thread never waits: in ASKED a memif port simply has no frames.
 *
 * state: written by the polling thread (FREE to ASKED, HELD to ASKED, HELD to FREE) and by the interrupt
 * thread (ASKED to HELD); the release store of one pairs with the acquire load of the other. */
#ifndef CB_DRIVERS_DPDK_GATE_H
#define CB_DRIVERS_DPDK_GATE_H

#include <stdbool.h>
#include <stddef.h>

enum gate_state { GATE_FREE = 0, GATE_ASKED = 1, GATE_HELD = 2 };

/* Requires: EAL is up. Idempotent. Returns: false with text in `error`. */
bool gate_open(char *error, size_t error_bytes);
enum gate_state gate_state(void);
/* Requires: FREE. */
void gate_request(void);
/* Lets the interrupt thread run one round. Requires: HELD. */
void gate_turn(void);
/* Requires: HELD. */
void gate_free(void);
bool gate_is_open(void);

#endif
