-- Makes wrk print its result as one line of JSON after its own text. Used by load.py. It defines no request function, so
-- wrk keeps sending its prepared bytes and no Lua runs per request. Times are in microseconds, as wrk keeps them.
done = function(summary, latency, requests)
   local e = summary.errors
   io.write(string.format(
      'wrk-report {"requests":%d,"duration_us":%d,"bytes":%d,"p50_us":%.1f,"p99_us":%.1f,"max_us":%.1f,' ..
      '"errors":{"connect":%d,"read":%d,"write":%d,"status":%d,"timeout":%d}}\n',
      summary.requests, summary.duration, summary.bytes,
      latency:percentile(50), latency:percentile(99), latency.max,
      e.connect, e.read, e.write, e.status, e.timeout))
end
