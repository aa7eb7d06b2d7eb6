-- Exact sums of decimals: digits in limbs of 15, each with the sign of the number.
local LIMB, WIDTH = 1e15, 15
local function limbs_of(sign, digits)
    local limbs = {}
    for last = #digits, 1, -WIDTH do
        local limb = tonumber(string.sub(digits, math.max(1, last - WIDTH + 1), last))
        limbs[#limbs + 1] = sign == '-' and -limb or limb
    end
    return limbs
end
local function carried(limbs, factor)
    local digits, carry = {}, 0
    for index = 1, #limbs do
        local value = factor * limbs[index] + carry
        carry = math.floor(value / LIMB)
        digits[index] = format('%015.0f', value - carry * LIMB)
    end
    if carry > 0 then digits[#digits + 1] = format('%.0f', carry) end
    return carry < 0, digits
end
local function add_money(decimal, units)
    local sign, whole, fraction = string.match(decimal, '^(%-?)(%d+)%.?(%d*)$')
    local sum = limbs_of(sign, whole .. fraction .. string.rep('0', 9 - #fraction))
    local addend = limbs_of(string.match(units, '^(%-?)(%d+)$'))
    for index = 1, #addend do sum[index] = (sum[index] or 0) + addend[index] end
    local negative, parts = carried(sum, 1)
    if negative then
        local _
        _, parts = carried(sum, -1)
    end
    local digits = {}
    for index = #parts, 1, -1 do digits[#digits + 1] = parts[index] end
    digits = string.rep('0', 10) .. table.concat(digits)
    whole = string.gsub(string.sub(digits, 1, -10), '^0+', '')
    fraction = string.gsub(string.sub(digits, -9), '0+$', '')
    return (negative and '-' or '') .. (whole == '' and '0' or whole) .. (fraction == '' and '' or '.' .. fraction)
end
local function negated(units)
    return string.sub(units, 1, 1) == '-' and string.sub(units, 2) or '-' .. units
end
