#!/bin/sh
# Makes a bare Debian machine ready for the site: Docker, a folder, settings with fresh secrets. May be run again:
# what is there stays. `cargo xtask deploy vps --bootstrap` runs it on the machine.
#
# usage: bootstrap.sh FOLDER

set -eu
folder=${1:?usage: bootstrap.sh FOLDER}

as_root() {
    if [ "$(id -u)" = 0 ]; then
        "$@"
    else
        sudo --non-interactive "$@"
    fi
}

as_root true || {
    echo "$(id -un) has to be root, or to become it by sudo without a password, while this machine is prepared" >&2
    exit 1
}

# A machine that was just made may be busy with its own updates.
apt_get() {
    as_root env DEBIAN_FRONTEND=noninteractive apt-get --quiet -o DPkg::Lock::Timeout=300 "$@"
}

install_packages() {
    apt_get install --yes --no-install-recommends "$@"
}

# Docker with Compose: from Debian where it has both, and otherwise from Docker's own packages.
if ! docker compose version > /dev/null 2>&1; then
    apt_get update
    # shellcheck source=/dev/null
    . /etc/os-release
    if [ "${VERSION_ID:-0}" -ge 13 ]; then
        install_packages ca-certificates docker.io docker-cli docker-compose
    else
        install_packages ca-certificates curl
        as_root install -d -m 755 /etc/apt/keyrings
        as_root curl --fail --silent --show-error --location --proto '=https' \
            --output /etc/apt/keyrings/docker.asc https://download.docker.com/linux/debian/gpg || {
            echo "Debian ${VERSION_ID:-} has no Compose that will do, and Docker's own packages cannot be fetched from" \
                "download.docker.com: let this machine reach it, or install Docker with Compose 2 or later by hand" >&2
            exit 1
        }
        echo "deb [arch=$(dpkg --print-architecture) signed-by=/etc/apt/keyrings/docker.asc] https://download.docker.com/linux/debian $VERSION_CODENAME stable" \
            | as_root tee /etc/apt/sources.list.d/docker.list > /dev/null
        apt_get update
        install_packages docker-ce docker-ce-cli containerd.io docker-compose-plugin
    fi
fi

# Whoever deploys may talk to Docker. On this machine that is as good as being root: the key is to be kept as such.
if [ "$(id -u)" != 0 ] && ! id -nG | grep -qw docker; then
    as_root usermod --append --groups docker "$(id -un)"
    echo "$(id -un) is in the group docker from the next login on"
fi

[ -d "$folder" ] || as_root install -d -m 750 -o "$(id -u)" -g "$(id -g)" "$folder"

if [ -f "$folder/.env" ]; then
    echo "$folder/.env is there and stays as it is"
else
    random() {
        od -An -tx1 -N32 /dev/urandom | tr -d ' \n'
    }
    umask 077
    password=$(random)
    cat > "$folder/.env" << EOF
# The settings of the site. Everything in .env.sample of the project may stand here.
# The name under which visitors find it; its address must lead here for the certificate to come.
SITE_HOST=www.example.org
SITE_ADDRESS=www.example.org
ALLOWED_HOSTS=www.example.org
PUBLIC_URL=https://www.example.org
SECRET_KEY=$(random)

# caddy, apache (which then runs outside of Docker; deploy/apache/oc-lettings.conf) or none.
PROXY=caddy
# Seconds for the requests on their way to a slot that is about to be replaced.
DRAIN=3

# SQLite in the volume «data». For PostgreSQL take the # away from these three lines.
#DATABASE_URL=postgres://oc:$password@postgres/oc
#POSTGRES_PASSWORD=$password
#COMPOSE_PROFILES=postgres
EOF
    echo "$folder/.env is new: put the name of the site into it, then deploy"
fi
docker compose version
