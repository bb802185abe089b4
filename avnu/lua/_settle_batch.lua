-- Settling a batch: the verdicts, what goes back in line, and where its shops go.
-- Part of turn.lua, whose arguments and area it uses.

-- Shops that park: name → {wait in ms, cause}. Also where the reasons begin.
local function read_parkings()
  local parkings, reasons = {}, 11 + 3 * ARGV[10]
  for i = 11, reasons - 1, 3 do parkings[ARGV[i]] = { tonumber(ARGV[i + 1]), ARGV[i + 2] } end
  return parkings, reasons
end

-- Applies the verdicts. Returns per shop what goes back to its line, and who progressed.
local function settle_batch(leased, reasons)
  local verdicts, jitter, back, progressed = ARGV[9], tonumber(ARGV[8]), {}, {}
  for i, w in ipairs(leased) do
    local verdict, reason = verdicts:sub(i, i), ''
    if verdict == 'F' or verdict == 'X' or verdict == 'G' then
      reason, reasons = ARGV[reasons] or '', reasons + 1
    end
    if verdict == 'B' then
      back[w.shop] = back[w.shop] or {}
      table.insert(back[w.shop], w.id)
    else
      decide(w, verdict, reason, jitter)
      progressed[w.shop] = true
    end
  end
  return back, progressed
end

-- Shops that the slice did not reach come before those that had their turn, of which the first of the
-- batch is always one: else the same slow shop would be reached every time, and no other.
local function in_order_of_return(lease, progressed)
  local waiting, served = {}, {}
  each_shop(lease, function(shop)
    local had_its_turn = progressed[shop] or (#waiting == 0 and #served == 0)
    table.insert(had_its_turn and served or waiting, shop)
  end)
  for _, shop in ipairs(served) do waiting[#waiting + 1] = shop end
  return waiting
end

local function return_shops(lease, back, progressed, parkings)
  for _, shop in ipairs(in_order_of_return(lease, progressed)) do
    local ids, parking = back[shop] or {}, parkings[shop] or {}
    for i = #ids, 1, -1 do call('LPUSH', K.line .. area .. '/' .. shop, ids[i]) end
    return_shop(area, shop, parking[1], parking[2], progressed[shop])
  end
end
