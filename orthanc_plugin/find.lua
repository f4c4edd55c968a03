-- C-FIND (PS3.4 section C.4.1): Orthanc puts its own title into Retrieve AE Title (0008,0054) of each answer unless the query
-- names that element; then it answers with an empty one. So the query is read as if it did not name it.

function IncomingFindRequestFilter(query, origin)
  query['0008,0054'] = nil
  return query
end
