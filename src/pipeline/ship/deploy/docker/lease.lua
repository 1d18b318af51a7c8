-- The candidate's lease. Without a deployer that renews it, the champion gets all traffic again.
-- Commands of the admin socket:
--   lease route CHAMPION CANDIDATE PERCENT SECONDS   give the candidate that share for so long
--   lease renew CANDIDATE SECONDS                    "kept", or "lost" where there is no such lease
--   lease settle CHAMPION                            the champion alone, for good
local NAME = "service"
local lease = nil

local function weigh(server, weight)
  core.backends[NAME].servers[server]:set_weight(tostring(weight))
end

local function settle(champion)
  lease = nil
  for server, _ in pairs(core.backends[NAME].servers) do
    weigh(server, server == champion and 256 or 0)
  end
end

local function route(champion, candidate, percent, seconds)
  -- The champion keeps a thread of traffic at 100 %: a request that the candidate fails is tried again there.
  local share = math.min(math.floor(256 * percent / 100 + 0.5), 255)
  lease = { champion = champion, candidate = candidate, ends = core.now().sec + seconds }
  weigh(champion, 256 - share)
  weigh(candidate, share)
end

local function answer(word, a, b, percent, seconds)
  if word == "settle" then
    settle(a)
    return "settled"
  elseif word == "route" then
    route(a, b, tonumber(percent), tonumber(seconds))
    return "routed"
  elseif word == "renew" and lease and lease.candidate == a then
    lease.ends = core.now().sec + tonumber(b)
    return "kept"
  end
  return "lost"
end

core.register_cli({ "lease" }, "lease route|renew|settle : who gets the traffic", function(applet, _, ...)
  local done, told = pcall(answer, ...)
  applet:send((done and told or "error: " .. tostring(told)) .. "\n")
end)

core.register_task(function()
  while true do
    core.msleep(250)
    if lease and core.now().sec > lease.ends then
      settle(lease.champion)
    end
  end
end)
