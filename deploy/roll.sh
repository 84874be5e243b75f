#!/bin/sh
# Puts an image into both slots, one after the other, so that no request fails: the proxy sends nobody to a slot
# before it stops, the slot ends the requests that it has, and gets visitors again when the new image is healthy.
# Runs on the machine that serves; `cargo xtask deploy vps` brings it there and calls it.
#
# usage: roll.sh IMAGE

set -eu
cd "$(dirname "$0")"

image=${1:?usage: roll.sh IMAGE}
[ -f .env ] || {
    echo "there is no $PWD/.env with the settings of the site: cargo xtask deploy vps --bootstrap makes one" >&2
    exit 1
}
# The proxy: caddy, which runs in a container of this project, or apache, which runs on the machine.
proxy=$(sed -n 's/^PROXY=//p' .env)
# How many seconds a slot has, after the proxy sends it nobody any more, for the requests that are on their way.
drain=$(sed -n 's/^DRAIN=//p' .env)

exec 9> .roll.lock
flock --nonblock 9 || {
    echo "another release is under way on this machine" >&2
    exit 1
}

compose() {
    docker compose --env-file .env --env-file slots.env "$@"
}

# image_of SLOT: what that slot runs, or is to run.
image_of() {
    [ ! -f slots.env ] || sed -n "s/^IMAGE_$1=//p" slots.env
}

# remember IMAGE-OF-A IMAGE-OF-B
remember() {
    printf 'IMAGE_A=%s\nIMAGE_B=%s\n' "$1" "$2" > slots.env.new
    mv slots.env.new slots.env
}

# The proxy looks for these files at each request: a slot whose name is there gets no visitors.
out() {
    mkdir -p caddy/out && : > "caddy/out/$1"
}

back_in() {
    rm -f "caddy/out/$1"
}

# Has the proxy run, with the settings that this release brought.
start_proxy() {
    case ${proxy:-caddy} in
        caddy)
            compose --profile caddy up --detach --no-recreate caddy
            if ! cmp -s caddy/Caddyfile caddy/loaded; then
                compose exec -T caddy caddy reload --config /etc/caddy/Caddyfile
                cp caddy/Caddyfile caddy/loaded
            fi
            ;;
        # Apache finds out by itself: a slot that refuses a connection is passed over.
        apache | none) ;;
        *)
            echo "PROXY is $proxy in .env: it must be caddy, apache or none" >&2
            exit 1
            ;;
    esac
}

# start SLOT [OPTION]: ends well when the slot is healthy.
start() {
    slot=$1
    shift
    compose up --detach --no-deps --wait --wait-timeout 120 "$@" "$slot"
}

# replace SLOT OTHER IMAGE-OF-A IMAGE-OF-B: fails at the first step that does.
replace() {
    echo "$1: taken out, stopped, started anew"
    start "$2" --no-recreate \
        && out "$1" \
        && sleep "${drain:-3}" \
        && compose stop "$1" \
        && remember "$3" "$4" \
        && start "$1" \
        && back_in "$1"
}

docker pull "$image"
old_a=$(image_of A)
old_b=$(image_of B)

if [ -z "$old_a" ]; then
    echo "the first release on this machine"
    remember "$image" "$image"
    grep -q '^COMPOSE_PROFILES=.*postgres' .env && compose up --detach --wait postgres
    start web-a
    start web-b
    start_proxy
    exit
fi

# back SLOT: what the slot ran before, after it failed with the new image.
back() {
    echo "$1: the new image does not become healthy; its last words:" >&2
    compose logs --no-color --tail 20 "$1" >&2 || true
    remember "$old_a" "$old_b"
    if start web-a && back_in web-a && start web-b && back_in web-b; then
        echo "both slots run what they ran before" >&2
    else
        echo "and what it ran before does not either" >&2
    fi
    exit 1
}

start_proxy
if [ "$old_a" != "$image" ]; then
    replace web-a web-b "$image" "$old_b" || back web-a
fi
if [ "$old_b" != "$image" ]; then
    replace web-b web-a "$image" "$image" || back web-b
fi
# What has not been used for a month goes.
docker image prune --all --force --filter until=720h
echo "both slots run $image"
