#!/bin/sh
# Prepares a new Debian machine: Docker, a folder, settings with new secrets. Can run again: existing files stay.
# `cargo xtask deploy vps --bootstrap` runs it on the machine.
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
    echo "$(id -un) must be root, or have sudo without a password, to prepare this machine" >&2
    exit 1
}

# A new machine may be installing updates.
apt_get() {
    as_root env DEBIAN_FRONTEND=noninteractive apt-get --quiet -o DPkg::Lock::Timeout=300 "$@"
}

install_packages() {
    apt_get install --yes --no-install-recommends "$@"
}

# Docker with Compose: from Debian 13 or later, otherwise from Docker.
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
            echo "could not download Docker from download.docker.com, and Debian ${VERSION_ID:-} has no Compose 2:" \
                "allow access to it, or install Docker with Compose 2 by hand" >&2
            exit 1
        }
        echo "deb [arch=$(dpkg --print-architecture) signed-by=/etc/apt/keyrings/docker.asc] https://download.docker.com/linux/debian $VERSION_CODENAME stable" \
            | as_root tee /etc/apt/sources.list.d/docker.list > /dev/null
        apt_get update
        install_packages docker-ce docker-ce-cli containerd.io docker-compose-plugin
    fi
fi

# The user may run Docker, which gives them the rights of root: protect the SSH key accordingly.
if [ "$(id -u)" != 0 ] && ! id -nG | grep -qw docker; then
    as_root usermod --append --groups docker "$(id -un)"
    echo "$(id -un) is in the group docker after the next login"
fi

[ -d "$folder" ] || as_root install -d -m 750 -o "$(id -u)" -g "$(id -g)" "$folder"

if [ -f "$folder/.env" ]; then
    echo "$folder/.env exists and stays as it is"
else
    random() {
        od -An -tx1 -N32 /dev/urandom | tr -d ' \n'
    }
    umask 077
    password=$(random)
    cat > "$folder/.env" << EOF
# Settings of the site; .env.sample of the project lists all.
# The site's name. Its DNS record must point here, or Caddy gets no certificate.
SITE_HOST=www.example.org
SITE_ADDRESS=www.example.org
ALLOWED_HOSTS=www.example.org
PUBLIC_URL=https://www.example.org
SECRET_KEY=$(random)

# caddy, apache (outside of Docker; see deploy/apache/oc-lettings.conf) or none.
PROXY=caddy
# Seconds between the last request and the stop of a slot.
DRAIN=3

# SQLite in the volume "data". For PostgreSQL, uncomment these three lines.
#DATABASE_URL=postgres://oc:$password@postgres/oc
#POSTGRES_PASSWORD=$password
#COMPOSE_PROFILES=postgres
EOF
    echo "$folder/.env is new: enter the name of the site, then deploy"
fi
docker compose version
