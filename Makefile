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
PLUGINS := kvm upcloud iscsi

# Packages outside of the plugins that need C build without a C compiler.
PURE := env CGO_ENABLED=0

.PHONY: help build deps root lab lab-down demo test soak check gen bench install clean

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1 \2/p' Makefile | while read -r target text; do printf '%-9s  %s\n' "$$target" "$$text"; done
	@echo
	@echo 'On a bare Debian 12, git and make are all that must be there. As root: deps lab lab-down demo test soak bench.'

deps: ## install the Debian packages that building and the lab need
	@lab/deps build kvm guest iscsi nfs

build: ## build bin/meson and its plugins
	@lab/deps build
	@mkdir -p bin
	$(PURE) $(GO) build -trimpath -ldflags '$(LDFLAGS)' -o bin/meson ./cli/meson
	$(GO) build -trimpath -ldflags '$(LDFLAGS)' -o bin/meson-plugin-kvm ./plugins/kvm/cmd/meson-plugin-kvm
	$(PURE) $(GO) build -trimpath -ldflags '$(LDFLAGS)' -o bin/meson-plugin-upcloud ./plugins/upcloud/cmd/meson-plugin-upcloud
	$(PURE) $(GO) build -trimpath -ldflags '$(LDFLAGS)' -o bin/meson-plugin-iscsi ./plugins/iscsi/cmd/meson-plugin-iscsi
	$(PURE) $(GO) build -trimpath -ldflags '$(LDFLAGS)' -o bin/meson-plugin-mem ./sdk/sdktest/cmd/meson-plugin-mem

root:
	@((EUID == 0)) || { echo 'The lab makes network namespaces and runs libvirtd, which needs root: sudo make $(MAKECMDGOALS)' >&2; exit 1; }

lab: root deps ## start three libvirt hosts and build the guest images
	@lab/kvm start 3 >/dev/null
	@lab/guest build >/dev/null
	@echo 'lab: three hosts run (lab/kvm status), the guest images are built; lab/kvm env and lab/guest env say where'

lab-down: root ## stop the lab and leave nothing behind but downloads
	@lab/iscsi stop
	@lab/kvm stop
	@lab/upcloud stop
	@state="$${MESON_LAB_DIR:-/var/tmp/meson-lab}"; rm -rf "$$state/demo"; \
	for own in "$$state"/own-*; do [[ ! -d $$own ]] || { MESON_LAB_DIR="$$own" lab/kvm stop; rm -rf "$$own"; }; done

demo: lab build ## one specfile, three hosts, a guest on the cheapest; then nothing left
	@lab/demo

# The tests that need a server fail without it where MESON_REQUIRE names it.
test: export MESON_REQUIRE ?= kvm,guest,iscsi,nfs
test: lab build check ## checks, then every test, against real servers, with the race detector
	@lab/test ./...

soak: lab build ## the long fault tests, hours
	MESON_SOAK=1 $(GO) test -race -count=1 -timeout 6h -run 'Soak|Kill|Story|ConformanceOfQCOW2' ./core/... ./plugins/... ./e2e/...

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
	install -d $(DESTDIR)$(PREFIX)/share/man/man1 $(DESTDIR)$(PREFIX)/share/bash-completion/completions
	bin/meson man $(DESTDIR)$(PREFIX)/share/man/man1
	bin/meson completion bash >$(DESTDIR)$(PREFIX)/share/bash-completion/completions/meson

clean: ## remove what build made
	rm -rf bin
