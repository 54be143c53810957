package upcloud

// createRequest is what POST /server takes.
type createRequest struct {
	Server struct {
		BootOrder  string     `json:"boot_order"`
		CoreNumber number     `json:"core_number"`
		Firewall   word       `json:"firewall"`
		Hostname   string     `json:"hostname"`
		Labels     wireLabels `json:"labels"`
		LoginUser  *struct {
			CreatePassword word   `json:"create_password"`
			Username       string `json:"username"`
			SSHKeys        struct {
				SSHKey []string `json:"ssh_key"`
			} `json:"ssh_keys"`
		} `json:"login_user"`
		MemoryAmount number `json:"memory_amount"`
		Metadata     word   `json:"metadata"`
		Networking   *struct {
			Interfaces struct {
				Interface []interfaceRequest `json:"interface"`
			} `json:"interfaces"`
		} `json:"networking"`
		NICModel             string `json:"nic_model"`
		PasswordDelivery     string `json:"password_delivery"`
		Plan                 string `json:"plan"`
		RemoteAccessEnabled  word   `json:"remote_access_enabled"`
		RemoteAccessPassword string `json:"remote_access_password"`
		RemoteAccessType     string `json:"remote_access_type"`
		ServerGroup          string `json:"server_group"`
		SimpleBackup         string `json:"simple_backup"`
		StorageDevices       struct {
			StorageDevice []deviceRequest `json:"storage_device"`
		} `json:"storage_devices"`
		Timezone   string `json:"timezone"`
		Title      string `json:"title"`
		UserData   string `json:"user_data"`
		VideoModel string `json:"video_model"`
		Zone       string `json:"zone"`
	} `json:"server"`
}

// interfaceRequest is a network interface that is wanted.
type interfaceRequest struct {
	Bootable    word   `json:"bootable"`
	Index       number `json:"index"`
	IPAddresses struct {
		IPAddress []struct {
			Address string `json:"address"`
			Family  string `json:"family"`
		} `json:"ip_address"`
	} `json:"ip_addresses"`
	Network           string `json:"network"`
	SourceIPFiltering word   `json:"source_ip_filtering"`
	Type              string `json:"type"`
}

// deviceRequest is a storage that is wanted on a new server.
type deviceRequest struct {
	Action     string      `json:"action"`
	Address    string      `json:"address"`
	BackupRule *backupRule `json:"backup_rule"`
	Encrypted  word        `json:"encrypted"`
	Labels     []label     `json:"labels"`
	Size       number      `json:"size"`
	Storage    string      `json:"storage"`
	Tier       string      `json:"tier"`
	Title      string      `json:"title"`
	Type       string      `json:"type"`
}

const (
	maxText     = 255
	maxUserData = 64 << 10
	maxKeys     = 50
)

// check refuses what is wrong with the request in itself.
func (r *createRequest) check() error {
	q := &r.Server
	for _, text := range []string{q.BootOrder, q.NICModel, q.RemoteAccessPassword, q.RemoteAccessType, q.ServerGroup, q.SimpleBackup, q.Timezone, q.VideoModel} {
		if len(text) > maxText {
			return bad("REQUEST_INVALID", "An attribute is longer than %d characters.", maxText)
		}
	}
	switch {
	case q.Title == "":
		return bad("TITLE_MISSING", "The required attribute title is missing from the request.")
	case len(q.Title) > maxText:
		return bad("TITLE_INVALID", "The title is longer than %d characters.", maxText)
	case q.Hostname == "":
		return bad("HOSTNAME_MISSING", "The required attribute hostname is missing from the request.")
	case !hostname(q.Hostname):
		return bad("HOSTNAME_INVALID", "The hostname %.40q is invalid.", q.Hostname)
	case !q.Metadata.is("", "yes", "no"):
		return bad("METADATA_INVALID", "The attribute metadata has an invalid value.")
	case !q.Firewall.is("", "on", "off"):
		return bad("FIREWALL_INVALID", "The attribute firewall has an invalid value.")
	case !q.RemoteAccessEnabled.is("", "yes", "no"):
		return bad("REMOTE_ACCESS_ENABLED_INVALID", "The attribute remote_access_enabled has an invalid value.")
	case q.PasswordDelivery != "" && q.PasswordDelivery != "none" && q.PasswordDelivery != "email" && q.PasswordDelivery != "sms":
		return bad("PASSWORD_DELIVERY_INVALID", "The attribute password_delivery has an invalid value.")
	case len(q.UserData) > maxUserData:
		return bad("USER_DATA_INVALID", "The user data is larger than %d bytes.", maxUserData)
	case q.LoginUser != nil && !q.LoginUser.CreatePassword.is("", "yes", "no"):
		return bad("CREATE_PASSWORD_INVALID", "The attribute create_password has an invalid value.")
	case q.LoginUser != nil && len(q.LoginUser.SSHKeys.SSHKey) > maxKeys:
		return bad("SSH_KEYS_INVALID", "There may be %d SSH keys at most.", maxKeys)
	case len(q.StorageDevices.StorageDevice) == 0:
		return bad("STORAGE_DEVICES_MISSING", "The required attribute storage_devices is missing from the request.")
	case len(q.StorageDevices.StorageDevice) > maxDevices:
		return conflict("STORAGE_DEVICE_LIMIT_REACHED", "A server can have %d storage devices at most.", maxDevices)
	}
	return checkLabels(q.Labels.Label)
}

// hostname reports whether s is a host name of letters, digits, hyphens and dots.
func hostname(s string) bool {
	if len(s) > 128 || s[0] == '-' || s[0] == '.' {
		return false
	}
	for _, r := range s {
		if (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '-' && r != '.' {
			return false
		}
	}
	return true
}
