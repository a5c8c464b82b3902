-- Posts complaints, each with an id of its own, and prints what wrk measured.
-- They have 64 different lengths, as what people send differs.
-- Arguments: the Authorization header, the first id.
local number = 0
local rests = {}

function init(arguments)
  number = tonumber(arguments[2])
  wrk.method = "POST"
  wrk.headers["Content-Type"] = "application/json"
  wrk.headers["Authorization"] = arguments[1]
  local words = "The wireless headphones stopped working after two days of use. They ring twice, "
    .. "then nothing is to be heard on either side, whatever is played."
  for length = 1, 64 do
    rests[length] = [["customer":{"id":"c123456789","firstName":"Jane","phone":"+1234567890"},]]
      .. [["dateReceived":"2024-06-10T09:15:30Z","description":"]] .. words:sub(1, 30 + length)
      .. [[","priority":"high","status":"open",]]
      .. [["attachments":[{"fileName":"photo_of_defect.jpg"}]},"source":"customer_support_portal"}]]
  end
end

function request()
  number = number + 1
  local id = string.format('{"complaint":{"id":"cmp-%012d",', number)
  return wrk.format(nil, nil, nil, id .. rests[number % 64 + 1])
end

function done(summary, latency)
  io.write(string.format("\nmeasured %d %d %d %d %d\n", summary.requests, summary.duration,
    summary.errors.status, latency:percentile(50), latency:percentile(99)))
end
