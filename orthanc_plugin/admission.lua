-- The C-STORE filter (DIMSE, PS3.7 section 9.1.1). Orthanc tells the sender's address to Lua and to no other hook, so
-- this file carries it to the plugin (POST /readingroom/admission, closed to HTTP clients) and brings the answer back.
-- An admission is remembered for one second; a refusal or an error is asked again each time: it fails closed.

local NOT_AUTHORIZED = 0x0124 -- PS3.7 annex C, "Refused: Not Authorized"
local admitted = {}

local function ask(aet, address, called)
  local ok, answer = pcall(RestApiPost, '/readingroom/admission', aet .. '\n' .. address .. '\n' .. called, false)
  return ok and answer == 'admitted'
end

function ReceivedCStoreInstanceFilter(dicom, origin, info)
  local aet, address = origin['RemoteAet'], origin['RemoteIp']
  if aet == nil or address == nil then
    return NOT_AUTHORIZED
  end
  local key, now = aet .. '\n' .. address, os.time()
  if admitted[key] == now then
    return 0
  end
  if ask(aet, address, origin['CalledAet'] or '') then
    admitted[key] = now
    return 0
  end
  admitted[key] = nil
  return NOT_AUTHORIZED
end
