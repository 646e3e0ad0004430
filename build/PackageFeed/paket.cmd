@echo off
rem As paket.sh, for Windows.
if not defined NUGET_FEED for /f "tokens=1,* delims= " %%a in ('dotnet nuget list source --format short ^| findstr /r /c:"^E[A-Z]* "') do if not defined NUGET_FEED set "NUGET_FEED=%%b"
if not defined NUGET_FEED (
  echo MappingNets : error FEED0001: NuGet has no enabled package source, so Paket has none either. Add one ^(dotnet nuget add source ADDRESS-OR-FOLDER; dotnet nuget list source shows what there is^) or set the environment variable NUGET_FEED to an address or a folder. 1>&2
  exit /b 1
)
dotnet paket %*
