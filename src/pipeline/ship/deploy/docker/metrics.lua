-- /deployment/metrics of the operators' port: the text that the last deployer left, and what this process knows itself.
local FILE = "/state/metrics.prom"
local EXPIRED = [[
# HELP pipeline_leases_expired_total Times that the proxy took a share back, as its deployer had not renewed it
# TYPE pipeline_leases_expired_total counter
pipeline_leases_expired_total %d
]]

core.register_service("deployment", "http", function(applet)
  local file = io.open(FILE, "r")
  local text = (file and file:read("a") or "") .. EXPIRED:format(leases_expired)
  if file then
    file:close()
  end
  applet:set_status(200)
  applet:add_header("content-type", "text/plain; version=0.0.4; charset=utf-8")
  applet:add_header("content-length", tostring(#text))
  applet:start_response()
  applet:send(text)
end)
