if [ -d /run/systemd/system ]; then
	systemctl daemon-reload || :
fi
if [ "$1" -eq 1 ]; then
	systemctl preset highwater.service >/dev/null 2>&1 || :
fi
