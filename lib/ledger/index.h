/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The SQLite index of a ledger: built from the log, never the other way. STRICT tables, WAL, triggers that refuse UPDATE,
 * DELETE and REPLACE. Missing, behind or of another schema, it is built again; contradicting the log, verification fails.
 */
#ifndef VANTIO_LEDGER_INDEX_H
#define VANTIO_LEDGER_INDEX_H

#include "ledger/merkle.h"
#include "record/record.h"

struct vantio_index;

#endif
