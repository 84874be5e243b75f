#!/bin/sh
# Replaces the image in both slots, one after the other, so that no request fails: the proxy stops sending requests to
# a slot, the slot finishes the ones it has, and gets requests again once the new image is healthy.
# Runs on the server; `cargo xtask deploy vps` copies it there and runs it.
#
# usage: roll.sh IMAGE [FOLDER]
#
# FOLDER is the project's, if the script is in another one: then the files beside the script are new, and are copied
# there once the image has been pulled. Exit status 3: nothing was changed. 4: both slots run the old image again.

set -eu
image=${1:?usage: roll.sh IMAGE [FOLDER]}
brought=$(cd "$(dirname "$0")" && pwd)
cd "${2:-$brought}"

unchanged() {
    echo "$1" >&2
    exit 3
}

[ -f .env ] \
    || unchanged "there is no $PWD/.env with the site's settings: run cargo xtask deploy vps --bootstrap"
[ -w . ] || unchanged "$(id -un) has no write permission for $PWD"
# The proxy: caddy, which runs in a container of this project, or apache, which runs on the machine.
proxy=$(sed -n 's/^PROXY=//p' .env)
case ${proxy:=caddy} in
    caddy | apache | none) ;;
    *) unchanged "PROXY is $proxy in .env: it must be caddy, apache or none" ;;
esac
# Seconds between the last request from the proxy and the stop of a slot.
drain=$(sed -n 's/^DRAIN=//p' .env)

exec 9> .roll.lock
flock --nonblock 9 || unchanged "another release is in progress on this machine"

# A pinned image that is here already needs no registry. A registry that hangs must not block the next release.
pull() {
    case $image in
        *@*) ! docker image inspect "$image" > /dev/null 2>&1 || return 0 ;;
    esac
    timeout 10m docker pull "$image"
}

# Installs the files of this release, and keeps the old ones.
install_files() {
    [ "$brought" != "$PWD" ] || return 0
    for file in caddy/Caddyfile compose.yaml roll.sh; do
        mkdir -p "$(dirname "$file")"
        [ ! -f "$file" ] || cp -p "$file" "$brought/$file.before"
        mv "$brought/$file" "$file"
    done
}

# Restores the old files.
restore_files() {
    for file in caddy/Caddyfile compose.yaml roll.sh; do
        [ "$brought" = "$PWD" ] || [ ! -f "$brought/$file.before" ] || mv "$brought/$file.before" "$file"
    done
}

compose() {
    docker compose --env-file .env --env-file slots.env "$@"
}

# image_of SLOT: the image of A or B.
image_of() {
    [ ! -f slots.env ] || sed -n "s/^IMAGE_$1=//p" slots.env
}

# remember SLOT IMAGE: sets the image for its next start.
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

# The proxy checks for these files at each request: a slot with a file gets none. Apache runs as another user, which
# needs permission.
out() {
    mkdir -p caddy/out && chmod o+x caddy caddy/out && : > "caddy/out/$1"
}

back_in() {
    rm -f "caddy/out/$1"
}

# Reloads Caddy. Right after its start, its admin API may not be available yet.
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

# Starts Caddy with the settings of this release. Apache runs outside of Docker.
start_proxy() {
    [ "$proxy" = caddy ] || return 0
    compose --profile caddy up --detach --no-recreate caddy || return
    if ! cmp -s caddy/Caddyfile caddy/loaded; then
        reload || return
        cp caddy/Caddyfile caddy/loaded
    fi
    # A new container would cut off visitors: the operator decides.
    wanted=$(compose --profile caddy config --hash caddy) || return
    runs=$(docker inspect --format '{{index .Config.Labels "com.docker.compose.config-hash"}}' \
        "$(compose --profile caddy ps --quiet caddy)") || return
    if [ "${wanted#caddy }" != "$runs" ]; then
        echo "caddy still runs with its old image, address and name. To apply the new ones, with a second of" \
            "downtime: cd $PWD && docker compose --env-file .env" \
            "--env-file slots.env --profile caddy up --detach caddy" >&2
    fi
}

# start SLOT [OPTION]: succeeds once the slot is healthy.
start() {
    slot=$1
    shift
    compose up --detach --no-deps --wait --wait-timeout 120 "$@" "$slot"
}

# replace SLOT OTHER IMAGE: stops at the first step that fails. Restarts the slot even if it should run that image
# already: an interrupted release may have left any state.
replace() {
    if start "$2" --no-recreate; then
        back_in "$2"
        echo "$1: draining and restarting"
        out "$1" && sleep "${drain:-3}" || return
    else
        echo "$1: restarting without draining, because $2 is not healthy either" >&2
    fi
    compose stop "$1" \
        && remember "$1" "$3" \
        && start "$1" \
        && back_in "$1"
}

# Starts everything for the first time.
first_release() {
    start_database && start web-a && back_in web-a && start web-b && back_in web-b && start_proxy
}

# show_log SLOT
show_log() {
    docker logs --tail 20 "$(compose ps --all --quiet "$1")" >&2 || true
}

pull || unchanged "could not pull $image, or not within ten minutes: see above"
install_files
old_a=$(image_of A)
old_b=$(image_of B)

if [ -z "$old_a" ]; then
    echo "the first release on this machine"
    remember both "$image"
    if first_release; then
        exit
    fi
    # The next release is the first again.
    show_log web-a
    rm -f slots.env
    exit 1
fi

# fail SLOT: shows why, and restores the old files.
fail() {
    echo "$1: the new image does not become healthy; its log:" >&2
    show_log "$1"
    restore_files
    start_proxy || echo "the proxy does not start with its old settings" >&2
}

# old_of SLOT
old_of() {
    case $1 in
        web-a) echo "$old_a" ;;
        web-b) echo "$old_b" ;;
    esac
}

# restore SLOT: starts its old image.
restore() {
    remember "$1" "$(old_of "$1")"
    if start "$1"; then
        back_in "$1"
    else
        echo "$1: the old image does not become healthy either" >&2
        return 1
    fi
}

restored() {
    echo "both slots run the old image" >&2
    exit 4
}

# back_from_first SLOT OTHER: the other slot is not touched.
back_from_first() {
    fail "$1"
    restore "$1" && start "$2" --no-recreate && back_in "$2" && restored
    exit 1
}

# back_from_second SLOT OTHER: the other slot gets all requests until this one is healthy again.
back_from_second() {
    fail "$1"
    restore "$1" && replace "$2" "$1" "$(old_of "$2")" && restored
    exit 1
}

if ! start_database || ! start_proxy; then
    restore_files
    unchanged "the database or the proxy does not start with the files of this release; the slots keep running"
fi
# If one slot is not healthy, it goes first.
one=web-a
two=web-b
if ! start web-b --no-recreate; then
    one=web-b
    two=web-a
fi
replace "$one" "$two" "$image" || back_from_first "$one" "$two"
replace "$two" "$one" "$image" || back_from_second "$two" "$one"
# Images that were not used for a month.
docker image prune --all --force --filter until=720h || echo "could not remove unused images" >&2
echo "both slots run $image"
