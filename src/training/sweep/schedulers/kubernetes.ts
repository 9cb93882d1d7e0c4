import { createHash } from 'node:crypto';
import path from 'node:path';
import { stringify } from 'yaml';
import { UserError } from '../../../foundation/errors';
import { counted, shellWord } from '../../../foundation/text';
import { MEETING_PORT, threadVariables, type CheckedEmitOptions, type JobWork } from './options';

/** How often a trial that ended without a saved word (a machine that failed, too little memory) is tried again. */
const RETRIES = 6;

/** Seconds that a pod which is asked to end has to save its trial. */
const SAVE_WITHIN = 120;

/** Of whoever runs Kumpas in the image of the Dockerfile. */
const USER = 1000;

/** What a Job of Kubernetes cannot do without. */
export interface ClusterPlace {
  readonly image: string;
  readonly claim: string;
  readonly mountPath: string;
}

/**
 * What is applied to Kubernetes, as YAML: a Job with an index for each trial (completionMode: Indexed); or, where several processes train each trial together, of each trial a Job with
 * an index for each process, and the headless Service by which they find each other.
 * https://kubernetes.io/docs/concepts/workloads/controllers/job/
 */
export function kubernetesManifest(work: JobWork, options: CheckedEmitOptions, place: ClusterPlace & { readonly file: string }): string {
  const name = jobName(work.name, work.folder);
  const documents =
    options.processes === 1
      ? [jobOfTrials(name, work, options, place)]
      : Array.from({ length: work.trials }, (_, trial) => {
          const own = work.trials === 1 ? name : `${name}-${trial}`;
          return [service(own, options), jobOfProcesses(own, [...work.command, String(trial)], options, place)];
        }).flat();
  const each = options.processes === 1 ? '' : `, ${work.asTraining ? '' : 'each trained '}by ${options.processes} processes together`;
  const heading = `# ${work.asTraining ? 'One training' : counted(work.trials, 'trial')}${each}. Submit with: kubectl apply -f ${shellWord(place.file)}\n`;
  return heading + documents.map((document) => stringify(document, { lineWidth: 0, aliasDuplicateObjects: false })).join('---\n');
}

function jobOfTrials(name: string, { trials, atOnce, command }: JobWork, options: CheckedEmitOptions, place: ClusterPlace): unknown {
  return {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: metadata(name, options),
    spec: {
      completionMode: 'Indexed',
      completions: trials,
      parallelism: Math.min(trials, atOnce ?? trials),
      backoffLimitPerIndex: RETRIES,
      maxFailedIndexes: trials, // The others go on.
      podReplacementPolicy: 'Failed', // Of an index one pod at a time.
      podFailurePolicy: {
        rules: [
          // Drained, preempted: it goes on elsewhere, and that counts nothing.
          { action: 'Ignore', onPodConditions: [{ type: 'DisruptionTarget', status: 'True' }] },
          // Exit code 1 is a mistake or a training that failed; another try would end in the same way.
          { action: 'FailIndex', onExitCodes: { containerName: 'trial', operator: 'In', values: [1] } },
        ],
      },
      template: podTemplate(name, command, options, place, { restartPolicy: 'Never' }, []),
    },
  };
}

/** One training over several processes: what ends one of them ends all, and all are started again. */
function jobOfProcesses(name: string, command: readonly string[], options: CheckedEmitOptions, place: ClusterPlace): unknown {
  const { processes } = options;
  const rank = { fieldRef: { fieldPath: "metadata.annotations['batch.kubernetes.io/job-completion-index']" } };
  return {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: metadata(name, options),
    spec: {
      completionMode: 'Indexed',
      completions: processes,
      parallelism: processes,
      backoffLimit: RETRIES * processes,
      template: podTemplate(name, command, options, place, { restartPolicy: 'OnFailure', subdomain: name }, [
        { name: 'RANK', valueFrom: rank },
        { name: 'WORLD_SIZE', value: String(processes) },
        { name: 'MASTER_ADDR', value: `${name}-0.${name}` },
        { name: 'MASTER_PORT', value: String(MEETING_PORT) },
      ]),
    },
  };
}

function service(name: string, options: CheckedEmitOptions): unknown {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: metadata(name, options),
    spec: { clusterIP: 'None', publishNotReadyAddresses: true, selector: labels(name), ports: [{ name: 'meeting', port: MEETING_PORT }] },
  };
}

function podTemplate(
  name: string,
  command: readonly string[],
  options: CheckedEmitOptions,
  { image, claim, mountPath }: ClusterPlace,
  pod: Readonly<Record<string, unknown>>,
  variables: readonly unknown[],
): unknown {
  const { cpus, memory, gpus } = options;
  const amounts = { cpu: String(cpus), memory: `${memory}i`, ...(gpus === 0 ? {} : { 'nvidia.com/gpu': String(gpus) }) };
  return {
    metadata: { labels: labels(name) },
    spec: {
      ...pod,
      terminationGracePeriodSeconds: SAVE_WITHIN,
      automountServiceAccountToken: false,
      securityContext: {
        runAsNonRoot: true,
        runAsUser: USER,
        runAsGroup: USER,
        fsGroup: USER,
        fsGroupChangePolicy: 'OnRootMismatch',
        seccompProfile: { type: 'RuntimeDefault' },
      },
      containers: [
        {
          name: 'trial',
          image,
          args: command.map(literal),
          workingDir: mountPath,
          env: [...threadVariables(options).map(([variable, value]) => ({ name: variable, value })), ...variables],
          resources: { requests: amounts, limits: amounts },
          securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } },
          volumeMounts: [{ name: 'shared', mountPath }],
        },
      ],
      volumes: [{ name: 'shared', persistentVolumeClaim: { claimName: claim } }],
    },
  };
}

/** In a container's arguments `$(NAME)` stands for a variable; a doubled `$` is one. */
function literal(argument: string): string {
  return argument.replaceAll('$', '$$$$');
}

function metadata(name: string, { namespace }: CheckedEmitOptions): unknown {
  return { name, ...(namespace === undefined ? {} : { namespace }), labels: labels(name) };
}

function labels(name: string): Readonly<Record<string, string>> {
  return { 'app.kubernetes.io/name': 'kumpas', 'app.kubernetes.io/instance': name };
}

/**
 * A name of letters, digits and dashes that two folders of one name do not share. With the indices of trial and process behind it, it is the host name of a pod, of 63 at most.
 * @param folder absolute.
 */
function jobName(name: string, folder: string): string {
  const word = name
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')
    .replaceAll(/^-+|-+$/g, '')
    .slice(0, 32)
    .replaceAll(/-+$/g, '');
  const digits = createHash('sha256').update(folder).digest('hex').slice(0, 8);
  return word === '' ? `kumpas-${digits}` : `kumpas-${word}-${digits}`;
}

/**
 * What a Job of Kubernetes needs of the options.
 * @param paths of what the pods read and write, by what names them in messages.
 * @throws UserError that lists what is missing, and each path that the pods do not see.
 */
export function checkedPlace(
  { image, claim, mount_path: mountPath }: CheckedEmitOptions,
  paths: Iterable<readonly [string, string]>,
): ClusterPlace {
  const missing = Object.entries({ image, claim, 'mount-path': mountPath }).filter(([, value]) => value === undefined);
  if (image === undefined || claim === undefined || mountPath === undefined)
    throw new UserError(missing.map(([flag]) => `--${flag} is missing: --emit k8s needs it`).join('\n'));
  const outside = [...paths].filter(([, place]) => path.relative(mountPath, path.resolve(mountPath, place)).split(path.sep)[0] === '..');
  if (outside.length > 0)
    throw new UserError(
      outside
        .map(([named, place]) => `${named}: ${place} is not below --mount-path ${mountPath}, the only file system that the pods see`)
        .join('\n'),
    );
  return { image, claim, mountPath };
}
