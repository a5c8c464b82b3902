-- Posts complaints, each of them another one, and prints what wrk measured.
--
-- Arguments: a file of headers, one line for each request: the value of X-Request-Id, and of
-- X-Hub-Signature-256 where requests are signed. A file of bodies without their start. The
-- Authorization header, or "". The first id.
local number, first, next_line = 0, 0, nil
local rests, before_id = {}, ""

function init(arguments)
  next_line = io.lines(arguments[1])
  for line in io.lines(arguments[2]) do
    rests[#rests + 1] = line
  end
  before_id = "POST " .. wrk.path .. " HTTP/1.1\r\nHost: " .. wrk.headers["Host"]
    .. "\r\nUser-Agent: complaints/2.4\r\nAccept: */*\r\nContent-Type: application/json\r\n"
  if arguments[3] ~= "" then
    before_id = before_id .. "Authorization: " .. arguments[3] .. "\r\n"
  end
  before_id = before_id .. "X-Request-Id: "
  first = tonumber(arguments[4])
end

function request()
  local line = next_line()
  local id, signature = line:sub(1, 32), line:sub(34)
  if signature ~= "" then
    id = id .. "\r\nX-Hub-Signature-256: " .. signature
  end
  local rest = rests[number % #rests + 1]
  local start = string.format('{"complaint":{"id":"cmp-%012d",', first + number)
  number = number + 1
  return before_id .. id .. "\r\nContent-Length: " .. #start + #rest .. "\r\n\r\n" .. start .. rest
end

function done(summary, latency)
  io.write(string.format("\nmeasured %d %d %d %d %d\n", summary.requests, summary.duration,
    summary.errors.status, latency:percentile(50), latency:percentile(99)))
end
