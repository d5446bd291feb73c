/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VANTIO_SANDBOX_DISPATCH_H
#define VANTIO_SANDBOX_DISPATCH_H

#include "sandbox/box.h"

/* Who handles a system call; NULL: nobody, and it is refused. */
vantio_handler *vantio_handler_of(int nr);

#endif
