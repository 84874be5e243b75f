# The site as an image: one static program in an empty file system. Build it with `cargo xtask image`.

ARG RUST_IMAGE=docker.io/library/rust:1.95.0-slim-bookworm

# The manifests alone, of every crate.
FROM ${RUST_IMAGE} AS manifests
WORKDIR /sources
COPY . .
RUN mkdir /build \
    && find . '(' -name Cargo.toml -o -name Cargo.lock ')' -exec cp --parents --target-directory=/build {} +

FROM ${RUST_IMAGE} AS build

# libpq is built from source, with the system's OpenSSL.
# hadolint ignore=DL3008
RUN apt-get --quiet update \
    && apt-get --quiet install --yes --no-install-recommends libssl-dev make perl pkg-config \
    && rm -rf /var/lib/apt/lists/*

WORKDIR /build

ENV CARGO_INCREMENTAL=0

# Dependencies first, with empty crates: this layer stays valid when only sources change. With `--target`, build scripts
# and macros aren't linked statically.
COPY .cargo .cargo
COPY --from=manifests /build ./
RUN for manifest in */Cargo.toml crates/*/Cargo.toml; do \
        crate=$(dirname "$manifest") \
        && mkdir "$crate/src" \
        && touch "$crate/src/lib.rs" \
        && echo 'fn main() {}' > "$crate/build.rs" \
        || exit 1; \
    done \
    && echo 'fn main() {}' > web/src/main.rs \
    && cargo build --config .cargo/image.toml --release --locked --package web --features postgres-tls --target "$(uname -m)-unknown-linux-gnu" \
    && rm -r crates web

COPY crates crates
COPY migrations migrations
COPY static static
COPY templates templates
COPY web web
# The commit.
ARG REVISION
# Cargo compares modification times, and the sources may be older than the empty ones. Names of Rust functions stay in
# the program, for stack traces; other symbols go.
# hadolint ignore=DL4006
RUN find crates web -type f -exec touch {} + \
    && cargo build --config .cargo/image.toml --release --locked --package web --features postgres-tls --target "$(uname -m)-unknown-linux-gnu" \
    && program="target/$(uname -m)-unknown-linux-gnu/release/oc-lettings" \
    && nm --format=posix "$program" | awk '$1 !~ /^_(ZN|R)/ || /^_ZN(4core|5alloc)|drop_in_place|QueryFragment/ { print $1 }' > unneeded \
    && mkdir --parents /image/data \
    && objcopy --strip-symbols=unneeded "$program" /image/oc-lettings

FROM scratch

COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY --from=build /image/oc-lettings /oc-lettings
# The only writable folder.
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
