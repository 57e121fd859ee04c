/** What Redis does in one step: `KEYS` are names, `ARGV` the window and how much to add to each. */
export const addUpScript = `
local sums = {}
for i, key in ipairs(KEYS) do
  sums[i] = redis.call('INCRBY', key, ARGV[i + 1])
  if sums[i] == tonumber(ARGV[i + 1]) then redis.call('PEXPIRE', key, ARGV[1]) end
end
return sums`;
