package upcloud

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/UpCloudLtd/upcloud-go-api/v8/upcloud"
	"github.com/UpCloudLtd/upcloud-go-api/v8/upcloud/request"

	"github.com/mesoncloud/meson/sdk"
	"github.com/mesoncloud/meson/sdk/pb"
)

// order is a Create that has been read and found sound.
type order struct {
	req     *pb.CreateRequest
	own     ownKey
	machine *machine
	// volumes are the UUIDs of what is attached, by the attachment's id.
	volumes map[string]string
	title   string
	user    string
}

// orderOf reads a Create without asking anybody. Its errors are definite.
func (p *Provider) orderOf(req *pb.CreateRequest) (*order, error) {
	m, err := machineOf(req.GetOffer().GetToken())
	if err != nil {
		return nil, err
	}
	o := &order{
		req: req, machine: m, own: ownKey{req.GetOwner().GetBroker(), req.GetOwner().GetKey()},
		title: p.config.ServerPrefix + req.GetName(), volumes: map[string]string{},
	}
	var faults []sdk.Fault
	if zone := req.GetOffer().GetZone(); zone != m.Zone {
		faults = append(faults, sdk.Fault{
			Path: "offer.zone", Have: zone, Want: m.Zone, Text: fmt.Sprintf("the offer is of zone %.64q, its token of %s", zone, m.Zone),
		})
	}
	for i, a := range req.GetAttachments() {
		path := fmt.Sprintf("attachments[%d]", i)
		volume, fault := volumeOf(path, a)
		if fault == nil && a.GetBoot() {
			fault = &sdk.Fault{Path: path + ".boot", Have: "true", Want: "false", Text: "servers boot the disk that they are made with"}
		}
		if fault != nil {
			faults = append(faults, *fault)
			continue
		}
		o.volumes[a.GetId()] = volume
	}
	if err := sdk.InvalidFaults("create server", faults); err != nil {
		return nil, err
	}
	o.user, err = userData(req.GetLogin())
	return o, err
}

// volumeOf is the UUID of the storage that an attachment means.
func volumeOf(path string, a *pb.Attachment) (string, *sdk.Fault) {
	native := a.GetConnection().GetNative().GetVolumeId()
	switch {
	case !uuidText.MatchString(native):
		return "", &sdk.Fault{
			Path: path + ".connection", Have: shortened(native), Want: "the UUID of a storage of UpCloud in the same zone",
			Text: "UpCloud's servers reach UpCloud's storages alone",
		}
	case a.GetConnection().GetReadOnly():
		return "", &sdk.Fault{Path: path + ".connection.read_only", Have: "true", Want: "false", Text: "UpCloud has no storages that are attached for reading alone"}
	}
	return native, nil
}

func shortened(s string) string { return sdk.CleanText(s, 64) }

// body is the one request that makes the server with its disk, addresses and
// labels. It uses no field that the SDK's requests lack: the API refuses what it
// does not know.
func (o *order) body() ([]byte, error) {
	m := o.machine
	r := request.CreateServerRequest{
		Zone: m.Zone, Title: o.title, Hostname: o.req.GetName(), Plan: m.Plan, Labels: o.labels(), Metadata: upcloud.True,
		RemoteAccessEnabled: upcloud.False, PasswordDelivery: request.PasswordDeliveryNone, UserData: o.user,
		LoginUser:  &request.LoginUser{CreatePassword: "no", Username: o.req.GetLogin().GetUsername(), SSHKeys: o.req.GetLogin().GetSshKeys()},
		Networking: &request.CreateServerNetworking{Interfaces: m.interfaces()},
	}
	if h := o.req.GetLogin().GetHostname(); h != "" {
		r.Hostname = h
	}
	if m.Plan == "" {
		r.Plan, r.CoreNumber, r.MemoryAmount = planCustom, m.Cores, m.MemoryMiB
	}
	if len(r.LoginUser.SSHKeys) == 0 && r.LoginUser.Username == "" {
		r.LoginUser = nil
	}
	// Plans with a disk of their own take this one for it, those without need it.
	r.StorageDevices = append(r.StorageDevices, request.CreateServerStorageDevice{
		Action: request.CreateServerStorageDeviceActionClone, Storage: m.Template, Title: diskTitle(o.own), Size: m.DiskGiB, Tier: m.Tier,
	})
	for _, a := range o.req.GetAttachments() {
		r.StorageDevices = append(r.StorageDevices, request.CreateServerStorageDevice{
			Action: request.CreateServerStorageDeviceActionAttach, Storage: o.volumes[a.GetId()], Type: upcloud.StorageTypeDisk, Address: busVirtio,
		})
	}
	body, err := json.Marshal(r)
	if err != nil {
		return nil, fmt.Errorf("encode request: %w", err)
	}
	return body, nil
}

// busVirtio has the API choose a slot of that bus.
const busVirtio = "virtio"

// labels are the owner's, the name, and which volume each attachment is of.
func (o *order) labels() *upcloud.LabelSlice {
	all := sdk.OwnerLabels(o.req.GetOwner())
	all[labelName] = o.req.GetName()
	for id, volume := range o.volumes {
		all[labelAttachment+id] = volume
	}
	return labelSlice(all)
}

func labelSlice(all map[string]string) *upcloud.LabelSlice {
	out := make(upcloud.LabelSlice, 0, len(all))
	for k, v := range all {
		out = append(out, upcloud.Label{Key: k, Value: v})
	}
	slices.SortFunc(out, func(a, b upcloud.Label) int {
		if a.Key < b.Key {
			return -1
		}
		return 1
	})
	return &out
}

// interfaces are the utility network of the zone, which costs nothing, private
// networks, and a public address if it is paid for. None has one by itself.
func (m *machine) interfaces() request.CreateServerInterfaceSlice {
	ipv4 := request.CreateServerIPAddressSlice{{Family: upcloud.IPAddressFamilyIPv4}}
	var all request.CreateServerInterfaceSlice
	if m.PublicIPv4 {
		all = append(all, request.CreateServerInterface{Type: accessPublic, IPAddresses: ipv4})
	}
	all = append(all, request.CreateServerInterface{Type: accessUtility, IPAddresses: ipv4})
	for _, uuid := range m.Networks {
		all = append(all, request.CreateServerInterface{Type: accessPrivate, Network: uuid, IPAddresses: ipv4})
	}
	return all
}

// diskTitle is the whole title of what is made along with a key's server: a storage
// in such a request takes no labels, and its UUID is not known before. A title that
// only resembles it is somebody's copy.
func diskTitle(own ownKey) string { return "meson-disk-" + own.hash() }

// copyTitle is that of a volume that is a copy: the request that makes one takes no
// labels either.
func copyTitle(own ownKey) string { return "meson-copy-" + own.hash() }

func (own ownKey) hash() string {
	sum := sha256.Sum256([]byte(own.broker + "/" + own.key))
	return hex.EncodeToString(sum[:12])
}
