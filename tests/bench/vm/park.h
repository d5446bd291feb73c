/* SPDX-License-Identifier: Apache-2.0 */
/* Takes the engine's programs off the kernel's hooks and puts them back, without loading them again, which takes long. */
#ifndef VANTIO_BENCH_PARK_H
#define VANTIO_BENCH_PARK_H

#include <stdbool.h>

enum hooks { HOOKS_NONE, HOOKS_EMPTY /* a program that does nothing, on file_open */, HOOKS_ENGINE };

/* Takes over the links that are pinned, and their pins. To be called once, with the engine loaded. */
bool park_begin(void);
bool park_switch(enum hooks wanted);

#endif
