import {
  isBoolean,
  isCondition,
  isInteger,
  isNumber,
  isOneOf,
  isScalar,
  isScalarOrList,
  isSize,
  isString,
  isText,
  type PropertyTable,
  refused,
} from './checks.ts';
import { areChoices, areRateValues } from './choice-checks.ts';
import { areValidators } from './validator-table.ts';

/**
 * Every property a definition may have, by kind of element. A property without a row is refused. Rows marked as presentation are only
 * checked for their type and carried for the renderer: they change nothing about which answers are accepted.
 */
const nothing = () => {};
const location = isOneOf('default', 'top', 'bottom', 'left', 'hidden');
const errorLocation = isOneOf('default', 'top', 'bottom');

/** Presentation of any element. */
const look: PropertyTable = {
  width: isSize,
  minWidth: isSize,
  maxWidth: isSize,
  colSpan: isInteger(1, 100),
  indent: isInteger(0, 3),
  startWithNewLine: isBoolean,
  state: isOneOf('default', 'collapsed', 'expanded'),
  showNumber: isBoolean,
};

const visibility: PropertyTable = {
  name: nothing,
  title: isText,
  description: isText,
  visible: isBoolean,
  visibleIf: isCondition,
  readOnly: isBoolean,
  enableIf: refused('Use visibleIf instead of enableIf.'),
};

const question: PropertyTable = {
  type: nothing,
  ...visibility,
  ...look,
  isRequired: isBoolean,
  requiredIf: isCondition,
  requiredErrorText: isText,
  titleLocation: location,
  descriptionLocation: isOneOf('default', 'underInput', 'underTitle', 'hidden'),
  errorLocation,
  hideNumber: isBoolean,
  useDisplayValuesInTitle: isBoolean,
  useDisplayValuesInDynamicTexts: isBoolean,
  // The renderer fills it in and sends it back: the server never adds answers of its own.
  defaultValue: isScalarOrList,
  clearIfInvisible: isOneOf('default', 'onComplete'),
  showCommentArea: refused('Add a comment question instead of showCommentArea.'),
  hasComment: refused('Add a comment question instead of hasComment.'),
  valueName: refused('Give each question its own name: answers cannot be shared by valueName.'),
  defaultValueExpression: refused('Calculated values are not supported: use defaultValue.'),
  setValueExpression: refused('Calculated values are not supported.'),
  setValueIf: refused('Calculated values are not supported.'),
  resetValueIf: refused('Calculated values are not supported.'),
  correctAnswer: refused('Quizzes are not supported.'),
};

const textBase: PropertyTable = {
  ...question,
  placeholder: isText,
  placeHolder: isText,
  maxLength: isInteger(-1, 100_000),
  textUpdateMode: isOneOf('default', 'onBlur', 'onTyping'),
};

export const textValidators = ['text', 'email', 'regex', 'numeric', 'expression'];
export const numberValidators = ['numeric', 'expression'];

const text: PropertyTable = {
  ...textBase,
  inputType: nothing,
  // These are checked together with inputType.
  min: nothing,
  max: nothing,
  step: nothing,
  validators: nothing,
  minLength: isInteger(0, 100_000),
  minErrorText: isText,
  maxErrorText: isText,
  stepErrorText: isText,
  size: isNumber,
  inputSize: isNumber,
  autocomplete: isString,
  autoComplete: isString,
  dataList: isScalarOrList,
  inputTextAlignment: isOneOf('left', 'right', 'auto'),
  maskType: isOneOf('none'),
  maskSettings: refused('Input masks are not supported: use a regex validator.'),
  minValueExpression: refused('Use min with a fixed value, or an expression validator.'),
  maxValueExpression: refused('Use max with a fixed value, or an expression validator.'),
};

const comment: PropertyTable = {
  ...textBase,
  minLength: isInteger(0, 100_000),
  rows: isInteger(1, 1000),
  cols: isInteger(1, 1000),
  autoGrow: isBoolean,
  allowResize: isBoolean,
  resizeStyle: isString,
  acceptCarriageReturn: isBoolean,
  validators: areValidators(textValidators),
};

const choiceBase: PropertyTable = {
  ...question,
  choices: areChoices,
  choicesOrder: isOneOf('none', 'asc', 'desc', 'random'),
  showOtherItem: isBoolean,
  hasOther: isBoolean,
  otherText: isText,
  otherPlaceholder: isText,
  otherErrorText: isText,
  showNoneItem: isBoolean,
  hasNone: isBoolean,
  noneText: isText,
  showRefuseItem: isBoolean,
  refuseText: isText,
  showDontKnowItem: isBoolean,
  dontKnowText: isText,
  separateSpecialChoices: isBoolean,
  colCount: isInteger(0, 12),
  validators: areValidators(['expression']),
  choicesByUrl: refused('Write the choices into the form: they are not fetched from elsewhere.'),
  choicesFromQuestion: refused('Write the choices into the form: they cannot come from another question.'),
  choicesVisibleIf: refused('Conditions on choices are not supported.'),
  choicesEnableIf: refused('Conditions on choices are not supported.'),
  hideIfChoicesEmpty: isBoolean,
  storeOthersAsComment: refused('The text of “other” always arrives as <name>-Comment.'),
};

const dropdown: PropertyTable = {
  ...choiceBase,
  placeholder: isText,
  optionsCaption: isText,
  allowClear: isBoolean,
  showClearButton: isBoolean,
  autocomplete: isString,
  searchEnabled: isBoolean,
  searchMode: isOneOf('contains', 'startsWith'),
  textWrapEnabled: isBoolean,
  allowCustomChoices: refused('Use showOtherItem for answers that are not among the choices.'),
  choicesMin: refused('Write the choices out.'),
  choicesMax: refused('Write the choices out.'),
  choicesStep: refused('Write the choices out.'),
};

const checkbox: PropertyTable = {
  ...choiceBase,
  minSelectedChoices: isInteger(0, 1000),
  maxSelectedChoices: isInteger(0, 1000),
  showSelectAllItem: isBoolean,
  hasSelectAll: isBoolean,
  selectAllText: isText,
  validators: areValidators(['answercount', 'expression']),
};

const boolean: PropertyTable = {
  ...question,
  label: isText,
  labelTrue: isText,
  labelFalse: isText,
  valueTrue: isScalar,
  valueFalse: isScalar,
  swapOrder: isBoolean,
  renderAs: isOneOf('default', 'checkbox', 'radio', 'switch'),
  displayMode: isOneOf('segmented', 'radio', 'checkbox', 'switch'),
  useTitleAsLabel: isBoolean,
  validators: areValidators(['expression']),
};

const rating: PropertyTable = {
  ...question,
  rateMin: isNumber,
  rateMax: isNumber,
  rateStep: isNumber,
  rateCount: isInteger(1, 20),
  rateValues: areRateValues,
  autoGenerate: isBoolean,
  rateType: isOneOf('labels', 'stars', 'smileys'),
  rateDisplayMode: isOneOf('labels', 'stars', 'smileys'),
  scaleColorMode: isOneOf('monochrome', 'colored'),
  rateColorMode: isOneOf('default', 'scale'),
  minRateDescription: isText,
  maxRateDescription: isText,
  displayRateDescriptionsAsExtremeItems: isBoolean,
  rateDescriptionLocation: isOneOf('leftRight', 'top', 'bottom', 'topBottom'),
  displayMode: isOneOf('auto', 'buttons', 'dropdown'),
  validators: areValidators(['expression']),
};

const containerLook: PropertyTable = {
  elements: nothing,
  questionTitleLocation: location,
  questionTitleWidth: isSize,
  questionErrorLocation: errorLocation,
  questionsOrder: isOneOf('default', 'initial', 'random'),
  questionOrder: isOneOf('default', 'initial', 'random'),
};

const notOnContainers = 'Put it on the questions inside: a panel or page as a whole cannot be required.';

const panel: PropertyTable = {
  type: nothing,
  ...visibility,
  ...look,
  ...containerLook,
  innerIndent: isInteger(0, 3),
  showQuestionNumbers: isOneOf('default', 'onpanel', 'recursive', 'off'),
  isRequired: refused(notOnContainers),
  requiredIf: refused(notOnContainers),
};

export const elementTables: Record<string, PropertyTable> = {
  text,
  comment,
  dropdown,
  radiogroup: dropdown,
  checkbox,
  boolean,
  rating,
  panel,
};

export const pageTable: PropertyTable = {
  ...visibility,
  ...containerLook,
  navigationTitle: isText,
  navigationDescription: isText,
  isRequired: refused(notOnContainers),
  requiredIf: refused(notOnContainers),
};

export const formTable: PropertyTable = {
  title: isText,
  description: isText,
  locale: isString,
  pages: nothing,
  elements: nothing,
  clearInvisibleValues: isOneOf('onComplete'),
  showTitle: isBoolean,
  showPageTitles: isBoolean,
  showPageNumbers: isBoolean,
  showQuestionNumbers: isOneOf('on', 'off', 'onPage', 'onpage', 'recursive', true, false),
  showProgressBar: isOneOf(
    'off',
    'top',
    'bottom',
    'topBottom',
    'topbottom',
    'both',
    'auto',
    'aboveheader',
    'belowheader',
    true,
    false,
  ),
  progressBarType: isString,
  progressBarLocation: isString,
  showNavigationButtons: isOneOf('none', 'top', 'bottom', 'both', 'topBottom', true, false),
  showPrevButton: isBoolean,
  completeText: isText,
  pageNextText: isText,
  pagePrevText: isText,
  requiredText: isString,
  requiredMark: isString,
  questionTitleLocation: location,
  questionDescriptionLocation: isOneOf('underInput', 'underTitle'),
  questionErrorLocation: errorLocation,
  questionTitlePattern: isString,
  questionsOrder: isOneOf('initial', 'random'),
  questionOrder: isOneOf('initial', 'random'),
  questionsOnPageMode: isOneOf('standard', 'singlePage', 'questionPerPage', 'questionOnPage', 'inputPerPage'),
  checkErrorsMode: isOneOf('onNextPage', 'onValueChanged', 'onComplete'),
  textUpdateMode: isOneOf('onBlur', 'onTyping'),
  widthMode: isOneOf('auto', 'static', 'responsive'),
  width: isSize,
  fitToContainer: isBoolean,
  logoPosition: isString,
  headerView: isOneOf('basic', 'advanced'),
  calculatedValues: refused('Calculated values are not supported.'),
  triggers: refused('Triggers are not supported: use visibleIf and requiredIf.'),
  maxTextLength: refused('Use maxLength on the questions.'),
  firstPageIsStarted: refused('A start page is not supported: its answers would not be checked.'),
  firstPageIsStartPage: refused('A start page is not supported: its answers would not be checked.'),
};
