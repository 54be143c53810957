# make demo   installs what it needs, builds, starts the lab, deploys a real guest, shows it, cleans up
# make test   installs what it needs, builds, starts the lab, runs every test
# make help   lists the rest
SHELL       := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := build

VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
LDFLAGS := -s -w -X main.version=$(VERSION)
# A Go that is new enough: the one on PATH, or one that lab/go fetches.
GO      ?= lab/go
TOOL    := $(GO) tool -modfile=tools.mod
PREFIX  ?= /usr/local
PLUGINS := kvm

# Packages outside of the plugins that need C build without a C compiler.
PURE := env CGO_ENABLED=0

.PHONY: help build deps lab lab-down demo test soak check gen bench install clean

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1\t\2/p' Makefile | column -t -s "$$(printf '\t')"

deps: ## install the Debian packages that building and the lab need
	@lab/deps build kvm guest

build: ## build bin/meson and its plugins
	@lab/deps build
	@mkdir -p bin
	$(PURE) $(GO) build -trimpath -ldflags '$(LDFLAGS)' -o bin/meson ./cli/meson
	$(GO) build -trimpath -ldflags '$(LDFLAGS)' -o bin/meson-plugin-kvm ./plugins/kvm/cmd/meson-plugin-kvm
	$(PURE) $(GO) build -trimpath -ldflags '$(LDFLAGS)' -o bin/meson-plugin-mem ./sdk/sdktest/cmd/meson-plugin-mem

lab: deps ## start three libvirt hosts and build the guest images
	@lab/kvm start 3
	@lab/guest build

lab-down: ## stop the lab and leave nothing behind
	@lab/kvm stop

demo: lab build ## one specfile, three hosts, a guest on the cheapest; then nothing left
	@lab/demo

# The tests that need a server fail without it where MESON_REQUIRE names it.
test: export MESON_REQUIRE ?= kvm,guest
test: lab build check ## every test, against real servers, with the race detector
	@lab/test ./...

soak: lab build ## the long fault tests
	MESON_SOAK=1 $(GO) test -race -count=1 -timeout 6h -run 'Soak|Kill' ./core/... ./plugins/... ./e2e/...

check: ## generated code, formatting, lint, import rules
	@lab/check

gen: ## generate code from proto/
	$(TOOL) buf format -w
	$(TOOL) buf generate

bench: lab build ## what the README's table says, measured here
	@bench/run

install: build ## install to PREFIX, /usr/local by default
	install -D -m 0755 bin/meson $(DESTDIR)$(PREFIX)/bin/meson
	for p in $(PLUGINS); do install -D -m 0755 bin/meson-plugin-$$p $(DESTDIR)$(PREFIX)/lib/meson/plugins/meson-plugin-$$p; done

clean: ## remove what build made
	rm -rf bin
