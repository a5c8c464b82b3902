-- Posts complaints and prints what wrk measured.
-- Arguments: "token", the Authorization header, a file of bodies without their start, the first
-- id: each complaint has an id of its own. Or "signed", a file of signatures and bodies in turns,
-- which come again and again: to sign here would take longer than to answer.
local number = 0
local rests, signed = {}, {}

local function lines_of(path)
  local lines = {}
  for line in io.lines(path) do
    lines[#lines + 1] = line
  end
  return lines
end

function init(arguments)
  wrk.method = "POST"
  wrk.headers["Content-Type"] = "application/json"
  if arguments[1] == "token" then
    wrk.headers["Authorization"] = arguments[2]
    rests = lines_of(arguments[3])
    number = tonumber(arguments[4])
  else
    local lines = lines_of(arguments[2])
    for place = 1, #lines, 2 do
      wrk.headers["X-Hub-Signature-256"] = lines[place]
      signed[#signed + 1] = wrk.format(nil, nil, nil, lines[place + 1])
    end
  end
end

function request()
  number = number + 1
  if #signed > 0 then
    return signed[number % #signed + 1]
  end
  local id = string.format('{"complaint":{"id":"cmp-%012d",', number)
  return wrk.format(nil, nil, nil, id .. rests[number % #rests + 1])
end

function done(summary, latency)
  io.write(string.format("\nmeasured %d %d %d %d %d\n", summary.requests, summary.duration,
    summary.errors.status, latency:percentile(50), latency:percentile(99)))
end
