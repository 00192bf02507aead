-- For Orthanc's "LuaScripts": every study that is complete goes to the DICOMweb server "neurotriage".
-- A study that could not be sent is said in Orthanc's log and in its jobs, from where it can be sent again.
function OnStableStudy(studyId, tags, metadata)
  local job = { Resources = { studyId }, Synchronous = false }
  RestApiPost('/dicom-web/servers/neurotriage/stow', DumpJson(job))
end
