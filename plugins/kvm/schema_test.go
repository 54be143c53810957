package kvm

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"libvirt.org/go/libvirt"
)

// Libvirt's own schema accepts every definition that package domain makes.
func TestGoldenDomainsAreValid(t *testing.T) {
	c, err := libvirt.NewConnect("test:///default")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = c.Close() })
	if _, err := c.DomainDefineXMLFlags("<domain type='test'><name>x</name><memory>1024</memory><vcpus>1</vcpus><os><type>hvm</type></os></domain>", libvirt.DOMAIN_DEFINE_VALIDATE); err == nil {
		t.Fatal("this libvirt does not validate")
	}
	files, err := filepath.Glob(filepath.Join("domain", "testdata", "*.xml"))
	if err != nil || len(files) < 5 {
		t.Fatalf("%d golden files, %v", len(files), err)
	}
	for _, file := range files {
		doc, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		// The test driver knows one type of domain and one machine.
		dom, err := c.DomainDefineXMLFlags(asTest(string(doc)), libvirt.DOMAIN_DEFINE_VALIDATE)
		if err != nil {
			t.Errorf("%s: %v", file, err)
			continue
		}
		if err := dom.Undefine(); err != nil {
			t.Error(err)
		}
		_ = dom.Free()
	}
}

// asTest makes a domain one of the test driver's.
func asTest(doc string) string {
	return strings.NewReplacer(`<domain type="kvm"`, `<domain type="test"`, `<domain type="qemu"`, `<domain type="test"`).Replace(doc)
}
