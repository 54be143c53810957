package host

import "github.com/mesoncloud/meson/sdk"

// ProtocolVersion is the major version of the plugin contract that the host
// speaks.
const ProtocolVersion = sdk.ProtocolVersion
