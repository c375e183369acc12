"""Device health (设备健康): what devices do wrong enters, notices to operations centre, site and maintainer leave."""
