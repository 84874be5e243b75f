# The site as an image: one static program in an empty file system. `cargo xtask image` builds it.

ARG RUST_IMAGE=docker.io/library/rust:1.95.0-slim-bookworm

FROM ${RUST_IMAGE} AS build

# For libpq, which is built from source against the system's OpenSSL.
# hadolint ignore=DL3008
RUN apt-get --quiet update \
    && apt-get --quiet install --yes --no-install-recommends libssl-dev make perl pkg-config \
    && rm -rf /var/lib/apt/lists/*

WORKDIR /build

# `--target`, even for this very machine, keeps the static linking away from build scripts and macros. The places
# where this build lies are left out of the program, so that it is the same wherever it is built. Where the linker is
# lld, functions that turn out equal are kept once, and relocations take a few bytes.
ARG FLAGS="-C target-feature=+crt-static --remap-path-prefix=/build=. --remap-path-prefix=/usr/local/cargo/registry/src=registry"
ENV CARGO_INCREMENTAL=0 \
    CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_RUSTFLAGS="${FLAGS}" \
    CARGO_TARGET_X86_64_UNKNOWN_LINUX_GNU_RUSTFLAGS="${FLAGS} -C link-arg=-Wl,--icf=all,-z,pack-relative-relocs" \
    OPENSSL_STATIC=1

# The dependencies first, for crates of ours that are empty: a changed source leaves this layer as it is.
COPY Cargo.toml Cargo.lock ./
COPY crates/core/Cargo.toml crates/core/
COPY crates/django-import/Cargo.toml crates/django-import/
COPY crates/lettings/Cargo.toml crates/lettings/
COPY crates/profiles/Cargo.toml crates/profiles/
COPY crates/transfer/Cargo.toml crates/transfer/
COPY web/Cargo.toml web/
COPY xtask/Cargo.toml xtask/
# hadolint ignore=DL4006
RUN for crate in crates/* web xtask; do \
        mkdir "$crate/src" \
        && touch "$crate/src/lib.rs" \
        && echo 'fn main() {}' | tee "$crate/src/main.rs" "$crate/build.rs" > /dev/null \
        || exit 1; \
    done \
    && rm crates/*/src/main.rs \
    && cargo build --release --locked --package web --target "$(uname -m)-unknown-linux-gnu" \
    && rm -r crates web xtask/src/lib.rs

COPY crates crates
COPY migrations migrations
COPY static static
COPY templates templates
COPY web web
# The commit that is built; there is no checkout here to ask.
ARG REVISION
# Cargo goes by the time of a file, and these may be older than the empty ones were. The names of Rust's functions stay
# in the program, for the stack of a fault, but not of those that only join others; nor do any other names.
# hadolint ignore=DL4006
RUN find crates web -type f -exec touch {} + \
    && cargo build --release --locked --package web --target "$(uname -m)-unknown-linux-gnu" \
    && program="target/$(uname -m)-unknown-linux-gnu/release/oc-lettings" \
    && nm --format=posix "$program" | awk '$1 !~ /^_(ZN|R)/ || /^_ZN(4core|5alloc)|drop_in_place|QueryFragment/ { print $1 }' > unneeded \
    && mkdir --parents /image/data \
    && objcopy --strip-symbols=unneeded "$program" /image/oc-lettings

FROM scratch

COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY --from=build /image/oc-lettings /oc-lettings
# The one place that can be written.
COPY --from=build --chown=10001:10001 /image/data /data

ENV APP_ENV=production \
    RUST_LIB_BACKTRACE=1 \
    DATABASE_URL=sqlite:///data/oc-lettings.sqlite3 \
    HOST=0.0.0.0 \
    PORT=8000 \
    SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt \
    TMPDIR=/data

USER 10001:10001
WORKDIR /data
VOLUME /data
EXPOSE 8000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 \
    CMD ["/oc-lettings", "check", "--health"]
ENTRYPOINT ["/oc-lettings"]
CMD ["serve"]
