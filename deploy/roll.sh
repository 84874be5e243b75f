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

# The proxy looks for these files at each request: a slot whose name is there gets no visitors. Apache does so as
# another user, who must be let through.
out() {
    mkdir -p caddy/out && chmod o+x caddy caddy/out && : > "caddy/out/$1"
}

back_in() {
    rm -f "caddy/out/$1"
}

# Has Caddy take new settings. One that has only just been started may not listen for them yet.
reload() {
    tries=10
    until compose exec -T caddy caddy reload --config /etc/caddy/Caddyfile; do
        tries=$((tries - 1))
        [ "$tries" -gt 0 ] || return 1
        sleep 1
    done
}

# Has the proxy run, with the settings that this release brought.
start_proxy() {
    case ${proxy:-caddy} in
        caddy)
            compose --profile caddy up --detach --no-recreate caddy || return
            if ! cmp -s caddy/Caddyfile caddy/loaded; then
                reload || return
                cp caddy/Caddyfile caddy/loaded
            fi
            ;;
        # Apache looks for the same files.
        apache | none) ;;
        *)
            echo "PROXY is $proxy in .env: it must be caddy, apache or none" >&2
            return 1
            ;;
    esac
}

# start SLOT [OPTION]: ends well when the slot is healthy.
start() {
    slot=$1
    shift
    compose up --detach --no-deps --wait --wait-timeout 120 "$@" "$slot"
}

# replace SLOT OTHER IMAGE-OF-A IMAGE-OF-B: fails at the first step that does. A roll that was cut off may have left
# anything: what runs is started anew even where it should be the same image already.
replace() {
    if start "$2" --no-recreate; then
        back_in "$2"
        echo "$1: taken out, stopped, started anew"
        out "$1" && sleep "${drain:-3}" || return
    else
        echo "$1: stopped, started anew; $2 is not well either, so there is nothing to lose" >&2
    fi
    compose stop "$1" \
        && remember "$3" "$4" \
        && start "$1" \
        && back_in "$1"
}

# Starts everything where nothing ran before.
first() {
    if grep -q '^COMPOSE_PROFILES=.*postgres' .env; then
        compose up --detach --wait postgres || return
    fi
    start web-a && back_in web-a && start web-b && back_in web-b && start_proxy
}

# A registry that hangs must not keep the next release waiting.
timeout 10m docker pull "$image"
old_a=$(image_of A)
old_b=$(image_of B)

if [ -z "$old_a" ]; then
    echo "the first release on this machine"
    remember "$image" "$image"
    if first; then
        exit
    fi
    # The next one is the first again.
    compose logs --no-color --tail 20 web-a >&2 || true
    rm -f slots.env
    exit 1
fi

# back SLOT: what the slot ran before, after it failed with the new image.
back() {
    echo "$1: the new image does not become healthy; its last words:" >&2
    compose logs --no-color --tail 20 "$1" >&2 || true
    remember "$old_a" "$old_b"
    well=yes
    for each in web-a web-b; do
        if start "$each"; then
            back_in "$each"
        else
            well=no
            echo "$each: what it ran before does not become healthy either" >&2
        fi
    done
    [ "$well" = no ] || echo "both slots run what they ran before" >&2
    exit 1
}

start_proxy
replace web-a web-b "$image" "$old_b" || back web-a
replace web-b web-a "$image" "$image" || back web-b
# What has not been used for a month goes.
docker image prune --all --force --filter until=720h
echo "both slots run $image"
