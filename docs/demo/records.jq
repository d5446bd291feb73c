# SPDX-License-Identifier: Apache-2.0
# `vantioctl --json ledger list` as lines: leaf, operation, its object, decision, rule, enforced.
.records[]
| [ .leaf, .op,
    (.private.resource
     | if .kind == "net" then (if .addr | contains(":") then "[\(.addr)]" else .addr end) + ":\(.port)" else .path // .target // "-" end),
    .decision, .rule, .enforced ]
| @tsv
