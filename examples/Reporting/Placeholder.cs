namespace MappingNets.Examples.Reporting;
