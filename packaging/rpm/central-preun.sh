if [ "$1" -eq 0 ]; then
	systemctl --no-reload disable highwater-central.service >/dev/null 2>&1 || :
	if [ -d /run/systemd/system ]; then
		systemctl stop highwater-central.service || :
	fi
fi
