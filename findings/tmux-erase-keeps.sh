#!/usr/bin/env bash
# tmux keeps in its history what a program erases, if it erases all of the screen at once.
#
# tmux 3.3a. A program that redraws its lines goes up to the first of them and erases from there to the end of the screen (ESC [ J).
# Expected: what is erased is gone. Seen: if the first of these lines is the top row, tmux first moves all that the screen shows
# into the history of the pane, so each redraw leaves a copy there; erased row by row (ESC [ 2 K), or from the second row on, it is
# gone. Whoever scrolls back, or makes the window taller, sees the copies.
#
# What the library does about it: `Progress` overwrites its lines one by one, and erases row by row.
#
# Needs Debian's apt-get and dpkg, amd64. Installs nothing: the packages are unpacked in a temporary folder.
set -euo pipefail
folder=$(mktemp -d)
trap 'run kill-server 2> /dev/null || true; rm -rf "$folder"' EXIT
cd "$folder"
chmod 755 .
apt-get download -qq tmux=3.3a-3 libevent-core-2.1-7 libutempter0 libtinfo6 2> /dev/null
for package in *.deb; do dpkg -x "$package" root; done
run() {
    LD_LIBRARY_PATH="$folder/root/lib/x86_64-linux-gnu:$folder/root/usr/lib/x86_64-linux-gnu" \
        timeout 20 "$folder/root/usr/bin/tmux" -f /dev/null -S "$folder/socket" "$@"
}
[ "$(run -V)" = "tmux 3.3a" ]

# Draws three lines three times, each time in the place of those before, and counts the copies that the pane has at the end.
copies() {
    printf '%b' "$1" > erase
    cat > draw <<'DRAW'
printf '\033[2J\033[H'
printf "%b" "$1"
for round in 1 2 3; do
    printf 'one\r\ntwo\r\nthree\r\n'
    [ "$round" = 3 ] || { printf '\033[3A'; cat erase; }
done
touch drawn
sleep 20
DRAW
    rm -f drawn
    run new-session -d -x 40 -y 10 "bash draw '$2'"
    for _ in $(seq 100); do [ -e drawn ] && break; sleep 0.1; done
    sleep 0.3
    run capture-pane -p -S - | grep -c two || true
    run kill-server
    sleep 0.3
}

echo "$(run -V): copies of a line that was drawn three times in the same place"
at_once=$(copies '\033[J' '')
echo "erased at once, from the top row:        $at_once"
below=$(copies '\033[J' 'a line above\r\n')
echo "erased at once, from the second row:     $below"
by_row=$(copies '\033[2K\033[B\033[2K\033[B\033[2K\033[2A' '')
echo "erased row by row, from the top row:     $by_row"
[ "$at_once $below $by_row" = "3 1 1" ]
