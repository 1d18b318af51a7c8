-- The candidate's lease on a share of the traffic. Unless the deployer renews it, the champion gets all traffic again.
-- Commands of the admin socket:
--   lease route CHAMPION CANDIDATE PERCENT SECONDS   give the candidate that share until the lease ends
--   lease renew CANDIDATE SECONDS                    "kept", or "lost" where there is no such lease
--   lease settle CHAMPION                            the champion alone, without a lease
local NAME = "service"
local lease = nil
leases_expired = 0 -- read by metrics.lua

local function set_weight(server, weight)
  core.backends[NAME].servers[server]:set_weight(tostring(weight))
end

local function settle(champion)
  lease = nil
  for server, _ in pairs(core.backends[NAME].servers) do
    set_weight(server, server == champion and 256 or 0)
  end
end

local function route(champion, candidate, percent, seconds)
  -- At 100 % the champion keeps 1 of 256 requests, so that a request that the candidate fails is retried there.
  local share = math.min(math.floor(256 * percent / 100 + 0.5), 255)
  lease = { champion = champion, candidate = candidate, ends = core.now().sec + seconds }
  set_weight(champion, 256 - share)
  set_weight(candidate, share)
end

local function run(command, a, b, percent, seconds)
  if command == "settle" then
    settle(a)
    return "settled"
  elseif command == "route" then
    route(a, b, tonumber(percent), tonumber(seconds))
    return "routed"
  elseif command == "renew" and lease and lease.candidate == a then
    lease.ends = core.now().sec + tonumber(b)
    return "kept"
  end
  return "lost"
end

core.register_cli({ "lease" }, "lease route|renew|settle : who gets the traffic", function(applet, _, ...)
  local ok, reply = pcall(run, ...)
  applet:send((ok and reply or "error: " .. tostring(reply)) .. "\n")
end)

-- Whether a server that fails its check still takes connections: it is slow, not dead.
core.register_fetches("slow", function(_, server)
  local status = core.backends[NAME].servers[server]:get_stats()["check_status"] or ""
  return not status:find("L4", 1, true)
end)

core.register_task(function()
  while true do
    core.msleep(250)
    if lease and core.now().sec > lease.ends then
      settle(lease.champion)
      leases_expired = leases_expired + 1
    end
  end
end)
