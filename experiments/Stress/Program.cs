using System.Globalization;
using MappingNets.Experiments.Stress;

CultureInfo.DefaultThreadCurrentCulture = CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;
try
{
    return args switch
    {
        ["stress", .. var rest] => StressProgram.Run(rest),
        [StressProgram.CaseVerb, .. var rest] => StressProgram.RunCase(rest),
        ["soak", .. var rest] => SoakProgram.Run(rest),
        [SoakProgram.KindVerb, .. var rest] => SoakProgram.RunKind(rest),
        ["crash", .. var rest] => CrashProgram.Run(rest),
        [TrainingCrash.Verb, .. var rest] => TrainingCrash.Train(rest),
        [SavingCrash.Verb, .. var rest] => SavingCrash.SaveForEver(rest),
        [ServingCrash.Verb, .. var rest] => ServingCrash.ServeForEver(rest),
        _ => throw new UsageException("The verbs are stress, soak and crash."),
    };
}
catch (UsageException fault)
{
    Console.Error.WriteLine(fault.Message);
    return 2;
}
