# SPDX-License-Identifier: Apache-2.0
# terminal.py CMD...: types at an interactive shell on a terminal of its own, which runs programs behind CMD. "fine" if they behave as bare.
import os, pty, re, select, sys, time

os.environ['TERM'] = 'dumb'
run = ' '.join(sys.argv[1:])


def type_in(steps, seconds=30):
    pid, fd = pty.fork()
    if pid == 0:
        os.execvp('bash', ['bash', '--norc', '--noediting', '-i'])
    seen, end = b'', time.time() + seconds
    for want, send in steps + [(None, None)]:
        while want is None or not re.search(want, seen):
            if time.time() > end:
                os.kill(pid, 9)
                sys.exit('waited for %r; it showed:\n%s' % (want, seen.decode('latin1')))
            if not select.select([fd], [], [], 0.2)[0]:
                continue
            try:
                got = os.read(fd, 4096)
            except OSError:
                got = b''
            if not got:
                status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
                return status if want is None else sys.exit('closed before %r:\n%s' % (want, seen.decode('latin1')))
            seen += got
        os.write(fd, send)
        seen = b''


def line(cmd):
    return ('%s %s; echo r""c=$?\n' % (run, cmd)).encode()


status = type_in([
    (rb'[$#>] ?$', b"PS1='P''> '\n"),
    # Ctrl-C goes to the command, which answers as it likes
    (rb'P> $', line("sh -c 'trap \"echo got; exit 3\" INT; echo u\"\"p; while :; do sleep 0.05; done'")),
    (rb'up\r\n', b'\x03'),
    # Ctrl-Z stops both, fg continues both, and the terminal's input is the command's
    (rb'got\r\n(.|\n)*rc=3\r\nP> $', line("sh -c 'echo st\"\"art; read a; echo li\"\"ne=$a'")),
    (rb'start\r\n', b'\x1a'),
    (rb'Stopped(.|\n)*rc=148\r\nP> $', b'fg\n'),
    (rb'fg\r\n[^\n]*\n', b'hello\n'),
    # Ctrl-D ends its input
    (rb'line=hello\r\n(.|\n)*P> $', line('cat')),
    (rb'\$\?\r\n', b'abc\n'),
    (rb'abc\r\nabc\r\n', b'\x04'),
    # death by a signal is told
    (rb'rc=0\r\nP> $', line("sh -c 'kill -SEGV $$'")),
    (rb'rc=139\r\nP> $', (run + ' sleep 100 &\n').encode()),
    (rb'\[\d\] \d+\r\n(.|\n)*P> $', b'kill %1; wait %1; echo r""c=$?\n'),
    (rb'rc=143\r\n(.|\n)*P> $', b'exit 5\n'),
])
print('fine' if status == 5 else 'the shell ended with %d' % status)
