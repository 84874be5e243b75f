#!/bin/sh
# Puts an image into both slots, one after the other, so that no request fails: the proxy sends nobody to a slot
# before it stops, the slot ends the requests that it has, and gets visitors again when the new image is healthy.
# Runs on the machine that serves; `cargo xtask deploy vps` brings it there and calls it.
#
# usage: roll.sh IMAGE [FOLDER]
#
# FOLDER is the project's, where that is not the one that this script lies in: then what lies beside the script is new,
# and is put there once nothing speaks against the release. Ends with 3 where nothing that runs was touched, and with 4
# where both slots run again what they ran before.

set -eu
image=${1:?usage: roll.sh IMAGE [FOLDER]}
brought=$(cd "$(dirname "$0")" && pwd)
cd "${2:-$brought}"

unchanged() {
    echo "$1" >&2
    exit 3
}

[ -f .env ] \
    || unchanged "there is no $PWD/.env with the settings of the site: cargo xtask deploy vps --bootstrap makes one"
[ -w . ] || unchanged "$(id -un) may not write in $PWD"
# The proxy: caddy, which runs in a container of this project, or apache, which runs on the machine.
proxy=$(sed -n 's/^PROXY=//p' .env)
case ${proxy:=caddy} in
    caddy | apache | none) ;;
    *) unchanged "PROXY is $proxy in .env: it must be caddy, apache or none" ;;
esac
# How many seconds a slot has, after the proxy sends it nobody any more, for the requests that are on their way.
drain=$(sed -n 's/^DRAIN=//p' .env)

exec 9> .roll.lock
flock --nonblock 9 || unchanged "another release is under way on this machine"

# An image that is pinned and here already needs no registry. One that hangs must not keep the next release waiting.
fetch() {
    case $image in
        *@*) ! docker image inspect "$image" > /dev/null 2>&1 || return 0 ;;
    esac
    timeout 10m docker pull "$image"
}

# The files that this release brought, in place of those that are there, which are kept beside.
take() {
    [ "$brought" != "$PWD" ] || return 0
    for file in caddy/Caddyfile compose.yaml roll.sh; do
        mkdir -p "$(dirname "$file")"
        [ ! -f "$file" ] || cp -p "$file" "$brought/$file.before"
        mv "$brought/$file" "$file"
    done
}

# The files from before.
give_back() {
    for file in caddy/Caddyfile compose.yaml roll.sh; do
        [ "$brought" = "$PWD" ] || [ ! -f "$brought/$file.before" ] || mv "$brought/$file.before" "$file"
    done
}

compose() {
    docker compose --env-file .env --env-file slots.env "$@"
}

# image_of SLOT: what that slot runs, or is to run.
image_of() {
    [ ! -f slots.env ] || sed -n "s/^IMAGE_$1=//p" slots.env
}

# remember SLOT IMAGE: what it is to run from its next start on.
remember() {
    image_a=$(image_of A)
    image_b=$(image_of B)
    case $1 in
        web-a) image_a=$2 ;;
        web-b) image_b=$2 ;;
        both) image_a=$2 image_b=$2 ;;
    esac
    printf 'IMAGE_A=%s\nIMAGE_B=%s\n' "$image_a" "$image_b" > slots.env.new
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

start_database() {
    ! grep -q '^COMPOSE_PROFILES=.*postgres' .env || compose up --detach --no-recreate --wait postgres
}

# Has the proxy run, with the settings that this release brought. Apache looks for the same files, and runs outside.
start_proxy() {
    [ "$proxy" = caddy ] || return 0
    compose --profile caddy up --detach --no-recreate caddy || return
    if ! cmp -s caddy/Caddyfile caddy/loaded; then
        reload || return
        cp caddy/Caddyfile caddy/loaded
    fi
    # To start it anew would cut off its visitors; that is for the operator to choose.
    wanted=$(compose --profile caddy config --hash caddy) || return
    runs=$(docker inspect --format '{{index .Config.Labels "com.docker.compose.config-hash"}}' \
        "$(compose --profile caddy ps --quiet caddy)") || return
    if [ "${wanted#caddy }" != "$runs" ]; then
        echo "caddy keeps the image, the address and the name that it was started with, though others are set now. To" \
            "take them, with a second in which nobody gets an answer: cd $PWD && docker compose --env-file .env" \
            "--env-file slots.env --profile caddy up --detach caddy" >&2
    fi
}

# start SLOT [OPTION]: ends well when the slot is healthy.
start() {
    slot=$1
    shift
    compose up --detach --no-deps --wait --wait-timeout 120 "$@" "$slot"
}

# replace SLOT OTHER IMAGE: fails at the first step that does. A roll that was cut off may have left anything: what runs
# is started anew even where it should be the same image already.
replace() {
    if start "$2" --no-recreate; then
        back_in "$2"
        echo "$1: taken out, stopped, started anew"
        out "$1" && sleep "${drain:-3}" || return
    else
        echo "$1: stopped, started anew; $2 is not well either, so there is nothing to lose" >&2
    fi
    compose stop "$1" \
        && remember "$1" "$3" \
        && start "$1" \
        && back_in "$1"
}

# Starts everything where nothing ran before.
first() {
    start_database && start web-a && back_in web-a && start web-b && back_in web-b && start_proxy
}

# words SLOT: the last that it said.
words() {
    docker logs --tail 20 "$(compose ps --all --quiet "$1")" >&2 || true
}

fetch || unchanged "$image cannot be fetched: docker says above why not, or did not come to an end within ten minutes"
take
old_a=$(image_of A)
old_b=$(image_of B)

if [ -z "$old_a" ]; then
    echo "the first release on this machine"
    remember both "$image"
    if first; then
        exit
    fi
    # The next one is the first again.
    words web-a
    rm -f slots.env
    exit 1
fi

# sick SLOT: tells why there is no going on, and takes the settings from before.
sick() {
    echo "$1: the new image does not become healthy; its last words:" >&2
    words "$1"
    give_back
    start_proxy || echo "the proxy does not take the settings from before" >&2
}

# old_of SLOT
old_of() {
    case $1 in
        web-a) echo "$old_a" ;;
        web-b) echo "$old_b" ;;
    esac
}

# restore SLOT: what the sick slot ran before, in its place.
restore() {
    remember "$1" "$(old_of "$1")"
    if start "$1"; then
        back_in "$1"
    else
        echo "$1: what it ran before does not become healthy either" >&2
        return 1
    fi
}

restored() {
    echo "both slots run what they ran before" >&2
    exit 4
}

# back_from_first SLOT OTHER: the other one was not touched, and is not now.
back_from_first() {
    sick "$1"
    restore "$1" && start "$2" --no-recreate && back_in "$2" && restored
    exit 1
}

# back_from_second SLOT OTHER: the other one has all the visitors, and keeps them until the slot can have them again.
back_from_second() {
    sick "$1"
    restore "$1" && replace "$2" "$1" "$(old_of "$2")" && restored
    exit 1
}

if ! start_database || ! start_proxy; then
    give_back
    unchanged "what stands around the slots does not start with what this release brought; the slots run on"
fi
# The first one is one that has nothing to lose, if there is one.
one=web-a
two=web-b
if ! start web-b --no-recreate; then
    one=web-b
    two=web-a
fi
replace "$one" "$two" "$image" || back_from_first "$one" "$two"
replace "$two" "$one" "$image" || back_from_second "$two" "$one"
# What has not been used for a month goes.
docker image prune --all --force --filter until=720h || echo "images that nobody uses are kept" >&2
echo "both slots run $image"
