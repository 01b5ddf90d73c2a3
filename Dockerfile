# syntax=docker/dockerfile:1
# Two stages: the second holds the binary, its C library and the root certificates, and nothing to log in to.
FROM rust:1.95-slim-bookworm AS build
RUN apt-get update && apt-get install -y --no-install-recommends build-essential && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY . .
RUN --mount=type=cache,target=/usr/local/cargo/registry --mount=type=cache,target=/src/target \
    cargo build --profile production --locked --package holdfast && cp target/production/holdfast /holdfast && mkdir /data

FROM gcr.io/distroless/cc-debian12:nonroot
COPY --from=build /holdfast /usr/local/bin/holdfast
COPY --from=build --chown=nonroot:nonroot /data /data
USER nonroot
VOLUME /data
ENV HOLDFAST_STORE=sqlite:///data/holdfast.db
EXPOSE 8080
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=15s --timeout=5s --start-period=20s --retries=3 CMD ["/usr/local/bin/holdfast", "doctor", "--health"]
ENTRYPOINT ["/usr/local/bin/holdfast"]
CMD ["serve"]
