"""What to freeze into an ESP32 image: `make BOARD=ESP32_GENERIC FROZEN_MANIFEST=<this file>` in ports/esp32."""
# ruff: noqa: F821

include("$(PORT_DIR)/boards/manifest.py")
require("umqtt.simple")
package("tag")
module("boot.py")
module("main.py")
