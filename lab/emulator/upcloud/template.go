package upcloud

import "time"

// publicTemplates are templates and installation CDs that every account sees.
// UUIDs and titles are those of the service where they are known; clients must
// find them by listing, since they change with every release.
func (s *Server) publicTemplates() {
	since := time.Date(2025, 9, 1, 8, 0, 0, 0, time.UTC)
	for _, t := range []struct {
		uuid, title, kind, templateType string
		gib                             int
		labels                          []label
	}{
		{"000020060100", "Debian GNU/Linux 11 (Bullseye)", kindTemplate, templateNative, 3, osLabels("Debian", "11", "debian")},
		{"000020070100", "Debian GNU/Linux 12 (Bookworm)", kindTemplate, templateCloudInit, 3, osLabels("Debian", "12", "debian")},
		{"000020080100", "Debian GNU/Linux 13 (Trixie)", kindTemplate, templateCloudInit, 3, osLabels("Debian", "13", "debian")},
		{"000030220200", "Ubuntu Server 22.04 LTS (Jammy Jellyfish)", kindTemplate, templateCloudInit, 4, osLabels("Ubuntu", "22.04", "ubuntu")},
		{"000030240200", "Ubuntu Server 24.04 LTS (Noble Numbat)", kindTemplate, templateCloudInit, 5, osLabels("Ubuntu", "24.04", "ubuntu")},
		{"000140020100", "AlmaLinux 9", kindTemplate, templateCloudInit, 10, osLabels("AlmaLinux", "9", "almalinux")},
		{"000150020100", "Rocky Linux 9", kindTemplate, templateCloudInit, 10, osLabels("Rocky Linux", "9", "rocky")},
		{"000160010100", "Fedora Server 42", kindTemplate, templateCloudInit, 5, osLabels("Fedora", "42", "fedora")},
		{"000010080300", "Windows Server 2022 Standard", kindTemplate, templateNative, 20, osLabels("Windows", "2022", "windows")},
		{"000020060101", "Debian GNU/Linux 11.0.0 (Bullseye) Installation CD", kindCDROM, "", 1, nil},
	} {
		uuid := "01000000-0000-4000-8000-" + t.uuid
		s.storages[uuid] = &storage{
			uuid: uuid, title: t.title, kind: t.kind, templateType: t.templateType, gib: t.gib, state: stateOnline, public: true,
			created: since, labels: t.labels,
		}
	}
}

// osLabels are those that a disk has that was made from a template.
func osLabels(brand, version, os string) []label {
	category := "Linux"
	if os == "windows" {
		category = "Windows"
	}
	return []label{
		{"_os_architecture", "64"}, {"_os_brand_name", brand}, {"_os_brand_version", version}, {"_os_main_category", category}, {"_os_type", os},
	}
}

// inherited are the labels of a disk made from d.
func (d *storage) inherited() []label {
	if d.kind != kindTemplate || len(d.labels) == 0 {
		return nil
	}
	all := append([]label(nil), d.labels...)
	return append(all, label{"_template_uuid", d.uuid})
}
