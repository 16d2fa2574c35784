# syntax=docker/dockerfile:1
# Two images: `docker build --target operator .` and `docker build --target media-node .`
#
# Binaries that were built outside replace the first stage: --build-context binaries=FOLDER (docker buildx, buildah).

FROM rust:1.95-bookworm AS build
RUN apt-get update \
 && apt-get install -y --no-install-recommends flite1-dev libpocketsphinx-dev libsphinxbase-dev lld \
 && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY . .
RUN --mount=type=cache,target=/usr/local/cargo/registry --mount=type=cache,target=/src/target \
    cargo build --release --locked -p callplane-operator -p callplane-media-node -p callplane-speech \
 && mkdir /binaries \
 && cp target/release/callplane-operator target/release/callplane-media-node target/release/callplane-speech /binaries/

FROM scratch AS binaries
COPY --from=build /binaries/ /

FROM debian:bookworm-slim AS runtime
RUN groupadd --gid 64000 callplane \
 && useradd --uid 64000 --gid 64000 --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin callplane

FROM runtime AS operator
COPY --from=binaries /callplane-operator /usr/local/bin/
USER 64000:64000
ENTRYPOINT ["/usr/local/bin/callplane-operator"]
CMD ["run"]

FROM runtime AS media-node
RUN apt-get update \
 && apt-get install -y --no-install-recommends libflite1 libpocketsphinx3 pocketsphinx-en-us \
 && rm -rf /var/lib/apt/lists/*
RUN install -d -o 64000 -g 64000 /var/lib/callplane
COPY --from=binaries /callplane-media-node /callplane-speech /usr/local/bin/
USER 64000:64000
ENTRYPOINT ["/usr/local/bin/callplane-media-node"]
